'use strict'

// A connection and its session.

const { EventEmitter } = require('node:events')
const native = require('./native.js')
const { checkOptions } = require('./options.js')
const { GoawayError, check, checkDrain, statusName } = require('./errors.js')

const NO_DEBUG = Buffer.alloc(0)
const STREAM_MAX = 2147483647
const CODE_MAX = 4294967295

/** The name of the event 'frame_error' is 'frameError' here. */
const EVENTS = native.events.map((name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase()))

class Session extends EventEmitter {
  #core
  #tls

  constructor (core, id, peer) {
    super()
    this.#core = core
    /** The id of the session in the C interface. */
    this.id = id
    /** The address and port of the peer. */
    this.peer = peer
    /** How the session has ended: { cause, outcome, code }; null before. */
    this.closed = null
  }

  /** The state of the session now; undefined after its end. */
  info () {
    return this.#core.server.session(this.id)
  }

  /**
   * The result of its TLS handshake; null without TLS, or if it was not read before the session's
   * end.
   */
  get tls () {
    this.#tls ??= native.tls(this.id)
    return this.#tls ?? null
  }

  /**
   * The value of the first TLV of that type in the PROXY header of the session, such as
   * 2 for the name that the client asked for; null if there is none, or it has ended.
   */
  proxyTlv (kind) {
    if (!(Number.isInteger(kind) && kind >= 0 && kind <= 255)) throw new GoawayError('GOAWAY_ERR_INVALID', `${kind} is no type of a TLV, a number from 0 to 255`)
    return native.proxyTlv(this.id, kind) ?? null
  }

  // After the end of the session these four have no effect and return false, because a
  // program cannot know when a peer leaves.

  /**
   * Drains the session, like `Server.close`: open streams are served for `drainMs`, and then reset.
   */
  close (options = {}) {
    const { drainMs = 5000 } = checkOptions(options, ['drainMs'], 'close')
    const time = checkDrain(drainMs)
    return this.#order((server) => server.closeSession(this.id, time))
  }

  /**
   * Ends the session now, with a GOAWAY with this error code and up to 1024 bytes of debug data.
   */
  abort (options = {}) {
    const { code = 0, debug = NO_DEBUG } = checkOptions(options, ['code', 'debug'], 'abort')
    if (!(Number.isInteger(code) && code >= 0 && code <= CODE_MAX)) throw new GoawayError('GOAWAY_ERR_INVALID', `${code} is no error code`)
    if (typeof debug !== 'string' && !(debug instanceof Uint8Array)) throw new GoawayError('GOAWAY_ERR_INVALID', 'debug is neither a string nor a Uint8Array')
    const bytes = typeof debug === 'string' ? Buffer.from(debug) : debug
    return this.#order((server) => server.abortSession(this.id, code, bytes))
  }

  /**
   * Sends an ALTSVC frame (RFC 7838): an alternative service for `origin`, or for the origin of the
   * request on `stream`.
   */
  altsvc (value, options = {}) {
    const { origin = '', stream = 0 } = checkOptions(options, ['origin', 'stream'], 'altsvc')
    if (!Number.isInteger(stream) || stream < 0 || stream > STREAM_MAX) throw new GoawayError('GOAWAY_ERR_INVALID', `${stream} is no stream`)
    const texts = textsOf(origin, value)
    return this.#order((server) => server.sendAltsvc(this.id, stream, texts))
  }

  /** Sends an ORIGIN frame (RFC 8336): the other origins for which the session may be used. */
  origin (...origins) {
    const texts = textsOf(...origins)
    return this.#order((server) => server.sendOrigin(this.id, texts))
  }

  // Whether the session had not ended.
  #order (act) {
    if (this.#core.report !== null) return false
    const status = act(this.#core.server)
    if (statusName(status) === 'GOAWAY_ERR_GONE') return false
    check(status)
    return true
  }
}

/** Texts for the library, each followed by a NUL. */
function textsOf (...texts) {
  for (const text of texts) {
    if (typeof text !== 'string' || text.includes('\0')) throw new GoawayError('GOAWAY_ERR_INVALID', 'a text without NUL is wanted')
  }
  return Buffer.from(texts.map((text) => text + '\0').join(''))
}

// The properties of each kind of event.
const DETAILS = {
  settings: (record, text) => Buffer.from(text, 'latin1'),
  settingsAck: (record, text) => Buffer.from(text, 'latin1'),
  ping: (record, text) => Buffer.from(text, 'latin1'),
  pong: (record, text) => Buffer.from(text, 'latin1'),
  unsolicitedAck: (record, text) => Buffer.from(text, 'latin1'),
  goaway: (record, text) => ({ code: record.code, lastStream: record.number, debug: Buffer.from(text, 'latin1') }),
  frameError: (record, text) => ({ stream: record.number, code: record.code, message: text }),
  error: (record, text) => new GoawayError('GOAWAY_ERR_IO', text),
  timeout: (record) => ({ cause: native.causes[record.cause] }),
  closed: (record) => ({
    cause: native.causes[record.cause] ?? 'unknown',
    outcome: native.outcomes[record.params] ?? 'unknown',
    code: record.code
  })
}

/** Reads a SESSION record: { kind, id, peer, text }. The text has one character for each byte. */
function takeEvent (record) {
  const text = record.text
  const end = text.indexOf('\0')
  return { kind: EVENTS[record.fields] ?? 'unknown', id: record.session, peer: text.slice(0, end), text: text.slice(end + 1) }
}

/** The properties of an event; undefined if it has none. */
function detailsOf ({ kind, text }, record) {
  return DETAILS[kind]?.(record, text)
}

module.exports = { Session, textsOf, takeEvent, detailsOf, EVENTS }
