'use strict'

// The properties that a stream of node:http2 has of its request.

const { Duplex } = require('node:stream')
const native = require('../native.js')
const { becomeSink } = require('../sink.js')
const { RequestHead } = require('./headers.js')

const C = native.constants
const OPTIONS = { autoDestroy: false, decodeStrings: false }

// Flags of a HEADERS frame in the event 'stream'.
const END_STREAM = 1
const END_HEADERS = 4

class RequestStream extends Duplex {
  #hub
  #flags
  #stream
  #sessionLow
  #sessionHigh
  #text
  #params
  #pseudoOrder
  #fieldFlags
  #head = null
  #cookies
  #headers = null
  #raw = null
  #left = false

  constructor (hub, record) {
    super(OPTIONS)
    becomeSink(this, record)
    /** Whether the session drains. */
    this.drains = (record.flags & C.RECORD_FLAG_DRAINING) !== 0
    this.#hub = hub
    this.#flags = record.flags
    this.#stream = record.code
    this.#sessionLow = record.sessionLow
    this.#sessionHigh = record.sessionHigh
    this.#text = record.text
    this.#cookies = record.cookies
    this.#params = record.params
    this.#pseudoOrder = record.cause
    this.#fieldFlags = record.fieldFlags
  }

  /** The stream identifier; undefined for a pushed stream that has none yet. */
  get id () {
    // Only a pushed stream has no identifier at the beginning.
    if (this.#stream === 0 && this.live) this.#stream = native.stream(this.high * 4294967296 + (this.low >>> 0))
    return this.#stream === 0 ? undefined : this.#stream
  }

  get pending () { return this.id === undefined }

  /** The session; undefined after the stream was destroyed and has emitted its events. */
  get session () { return this.#left ? undefined : this.owner }

  /** The stream was destroyed. For subclasses. */
  leaveSession () { this.#left = true }

  /** The id of the session in the C interface. */
  get sessionId () { return this.#sessionHigh * 4294967296 + (this.#sessionLow >>> 0) }

  /** The session, also after the stream was destroyed, as long as the session lives. */
  get owner () { return this.#hub.session(this.sessionId) }

  get #parts () { return this.#head ?? (this.#head = new RequestHead(this.#text, this.#params, this.#pseudoOrder, this.#cookies, this.#fieldFlags)) }

  /** The headers object of the request, created once. */
  get requestHeaders () { return this.#headers ?? (this.#headers = this.#parts.headers()) }

  /** The fields of the request as received: [name, value, ...]. */
  get rawRequestHeaders () { return this.#raw ?? (this.#raw = this.#parts.raw()) }

  // Frequent lookups, without the headers object. If that exists it is used, because
  // programs may change it.
  get requestMethod () { return this.#headers === null ? this.#parts.method : this.#headers[':method'] }
  get requestPath () { return this.#headers === null ? this.#parts.path : this.#headers[':path'] }
  /** Whether the request has a field with this name in lower case. */
  hasRequestHeader (name) { return this.#headers === null ? this.#parts.has(name) : this.#headers[name] !== undefined }

  /** Flags for the event 'stream'. */
  get requestFlags () { return this.endAfterHeaders ? END_HEADERS | END_STREAM : END_HEADERS }

  get endAfterHeaders () { return (this.#flags & C.RECORD_FLAG_NO_BODY) !== 0 }
  /** Whether the record of the request had the end of its body. */
  get isWhole () { return (this.#flags & C.RECORD_FLAG_END) !== 0 }
  get headRequest () { return (this.#flags & C.RECORD_FLAG_HEAD) !== 0 }

  /**
   * Whether the server has begun the stream (push): its identifier is even, or not assigned yet.
   */
  get isPushed () { return this.#stream % 2 === 0 }
}

module.exports = { RequestStream }
