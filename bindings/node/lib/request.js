'use strict'

// One request and its response.

const native = require('./native.js')
const { Head, sensitiveNames, trailersOf } = require('./head.js')
const { Body } = require('./body.js')
const { BodyWriter, lengthOf } = require('./bodywriter.js')
const { Tunnel } = require('./tunnel.js')
const { headFields, informFields, trailerFields, invalid } = require('./fields.js')
const { checkOptions } = require('./options.js')
const { isFault, PeerFault } = require('./fault.js')
const { GoawayError, statusName } = require('./errors.js')
const { becomeSink } = require('./sink.js')
const { isBodyless } = require('./status.js')

const C = native.constants
const NO_ERROR = 0
const INTERNAL_ERROR = 2 // RFC 9113, section 7
const CANCEL = 8
const UINT32_MAX = 4294967295
const TEXT = { 'content-type': 'text/plain' }
/** So many writes for a peer that has gone are a loop that nothing ends. */
const WRITES_IN_VAIN = 1000

// How far the response is.
const NOTHING = 0
const STREAMING = 1
const ANSWERED = 2
const GONE = 3

/** Trailer fields that came as never indexed: none, of most requests. */
const NONE = Object.freeze([])

function ignore () {}

function checkStatus (status) {
  if (!(Number.isInteger(status) && status >= 200 && status <= 999)) throw invalid(`${status} is no status of a response (200 to 999)`)
}

function checkUint32 (value, what) {
  if (!(Number.isInteger(value) && value >= 0 && value <= UINT32_MAX)) throw invalid(`${what} is ${value}, not a whole number from 0 to ${UINT32_MAX}`)
}

/** The handler of a request has ended. */
let settle

class Request extends Head {
  #core
  #stage = NOTHING
  #flags
  #data
  #sessionLow
  #sessionHigh
  #body = null
  #trailers = null
  #sensitiveTrailers = NONE
  #bodyWriter = null
  #keeps = false // the answer is whole, and the body goes on
  #gone = null // the error that tells why nobody waits any more
  #isSettled = false // the handler has ended
  #inVain = 0 // writes since the peer has gone
  #announced = -1 // content-length of a streamed response
  #written = 0
  #isBodyless = false
  #abort = null
  #drain = null // { until, controller } once the session drains or somebody asks

  constructor (core, record) {
    super(record)
    becomeSink(this, record)
    this.#core = core
    this.#flags = record.flags
    this.#data = record.dataLength > 0 ? record.data : null
    this.#sessionLow = record.sessionLow
    this.#sessionHigh = record.sessionHigh
    if ((this.#flags & C.RECORD_FLAG_DRAINING) !== 0) this.onDrain(record.number)
  }

  /** The request's id, as the C interface knows it. */
  get id () { return this.high * 4294967296 + (this.low >>> 0) }

  /** The session that it came on. */
  get session () {
    const id = this.#sessionHigh * 4294967296 + (this.#sessionLow >>> 0)
    // The peer of the request may be what a proxy says.
    return this.#core.sessions.get(id) ?? this.#core.session(id, this.#core.server.session(id)?.peer ?? this.peer)
  }

  /** The path at which a trusted proxy mounts the server, such as '/shop'; '' if none says so. */
  get prefix () { return this.#core.server.prefix(this.id) }

  /** The version of HTTP that it came in: '2.0', '1.1' or '1.0'. */
  get httpVersion () {
    if ((this.#flags & C.RECORD_FLAG_HTTP_1_1) !== 0) return '1.1'
    return (this.#flags & C.RECORD_FLAG_HTTP_1_0) !== 0 ? '1.0' : '2.0'
  }

  /** The number of its stream, or, in HTTP/1.1, of the request on its connection; 0 once it is over. */
  get stream () { return native.stream(this.id) }

  /** Whether the head of the answer is on its way. */
  get headSent () { return this.#stage !== NOTHING }

  /** Whether the answer is given whole, or nobody waits for it any more. */
  get ended () { return this.#stage >= ANSWERED }

  // ---- the body that comes in ----

  /**
   * The body as it comes: an async iterable of Buffers, to be read once. What
   * is not read is held back at the peer. A peer that waits for 100 (Continue)
   * gets it now, if the head of the answer is not sent yet.
   */
  get body () {
    if (this.#body === null && this.live && (this.#flags & C.RECORD_FLAG_END) === 0 && this.expectsContinue) {
      this.#core.pump.consume(this, 0)
    }
    return this.#incoming()
  }

  #incoming () {
    if (this.#body === null) {
      this.#body = new Body((bytes) => { if (this.live) this.#core.pump.consume(this, bytes) }, () => this.#giveBodyUp())
      if ((this.#flags & C.RECORD_FLAG_END) !== 0) this.#body.push(this.#data, true, false)
      if (this.#gone !== null) this.#body.fail(this.#gone)
      this.#data = null
    }
    return this.#body
  }

  /** The names of the trailer fields that came as never indexed. */
  get sensitiveTrailers () { return this.#sensitiveTrailers }

  /** The trailer fields of the request, once the body has ended; null before. */
  get trailers () {
    if (this.#trailers === null && (this.#flags & C.RECORD_FLAG_END) !== 0) this.#trailers = { __proto__: null }
    return this.#trailers
  }

  /**
   * The whole body as one Buffer. More than `limit` bytes (the limit bodyBytes) throw
   * GOAWAY_ERR_TOO_LARGE: a handler that lets that through responds 413.
   */
  bytes (options = {}) { return handled(this.#collect(options)) }

  /** The whole body as text, UTF-8. */
  text (options = {}) { return handled(this.#collect(options).then(String)) }

  /** The whole body as JSON. What is none throws GOAWAY_ERR_INVALID: a handler that lets that through responds 400. */
  json (options = {}) { return handled(this.#collect(options).then(parse)) }

  async #collect (options) {
    const { limit = this.#core.bodyBytes } = checkOptions(options, ['limit'], 'a body')
    if (!(limit >= 0)) throw invalid(`limit is ${limit}, not a number of bytes`)
    const chunks = []
    let length = 0
    for await (const chunk of this.body) {
      length += chunk.length
      if (length > limit) throw new PeerFault('GOAWAY_ERR_TOO_LARGE', `the body is longer than ${limit} bytes`, 413)
      chunks.push(chunk)
    }
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length)
  }

  // ---- the response ----

  // What is wrong throws, unless the peer has gone: then nothing is looked at,
  // and nothing happens.

  /**
   * The whole response at once. `body` is a string (UTF-8), a Uint8Array or
   * nothing; `headers` and `trailers` an object, a flat list or pairs. False if
   * the peer has gone.
   */
  respond (status, body, headers, trailers) {
    if (!this.#expect(NOTHING)) return false
    checkStatus(status)
    const { list, length } = headFields(headers, this.#isHttp1)
    const pump = this.#core.pump
    const data = body ?? null
    if (trailers === undefined || trailers === null) {
      this.#checkWhole(status, data, length)
      pump.respond(this, status, list, data, this.keepBody())
    } else {
      const fields = trailerFields(trailers).list
      this.#begin(status, length)
      this.#checkRest(data)
      // Without content-length: there are clients that read no further than that.
      pump.head(this, status, list)
      pump.end(this, data, fields, this.keepBody())
    }
    this.#stage = ANSWERED
    return true
  }

  get #isHttp1 () { return (this.#flags & (C.RECORD_FLAG_HTTP_1_1 | C.RECORD_FLAG_HTTP_1_0)) !== 0 }
  get #isHead () { return (this.#flags & C.RECORD_FLAG_HEAD) !== 0 }

  // RFC 9110, section 9.3.6: what a 2xx to CONNECT is followed by is no body.
  #isTunnel (status) { return status < 300 && this.method === 'CONNECT' }

  #checkWhole (status, data, announced) {
    if (data !== null && typeof data !== 'string') lengthOf(data) // throws
    if (announced === -1 && !isBodyless(status)) return
    if (this.#isTunnel(status)) return
    const length = data === null ? 0 : lengthOf(data)
    if (isBodyless(status) && length > 0) throw invalid(`${status} has no body`)
    if (announced !== -1 && announced !== length && !this.#isHead && !isBodyless(status)) throw unfit(announced, length)
  }

  // A streamed response begins with that status, and that content-length or -1.
  #begin (status, announced) {
    const isTunnel = (announced !== -1 || isBodyless(status)) && this.#isTunnel(status)
    this.#announced = isTunnel ? -1 : announced
    this.#isBodyless = isBodyless(status) && !isTunnel
  }

  // Gives the length of a piece that may follow.
  #checkPiece (chunk) {
    const length = lengthOf(chunk)
    if (this.#isBodyless && length > 0) throw new GoawayError('GOAWAY_ERR_STATE', 'a response of this status has no body')
    if (this.#announced !== -1 && this.#written + length > this.#announced && !this.#isHead) throw unfit(this.#announced, this.#written + length)
    return length
  }

  #checkRest (chunk) {
    const length = chunk === null ? 0 : this.#checkPiece(chunk)
    if (this.#announced === -1 || this.#isHead || this.#isBodyless) return
    if (this.#written + length !== this.#announced) throw unfit(this.#announced, this.#written + length)
  }

  /** For a response that ends now, whether the body goes on for its reader: flags of the command. For bodywriter.js. */
  keepBody () {
    this.#keeps = this.#body !== null && this.#body.isRead
    return this.#keeps ? C.COMMAND_FLAG_KEEP_BODY : 0
  }

  #giveBodyUp () {
    if (!this.#keeps) return
    this.#keeps = false
    if (this.live) this.#core.pump.reset(this, NO_ERROR)
  }

  /** An informational head before the response, such as 103 with `link`. False if the peer has gone. */
  inform (status, headers) {
    if (!this.#expect(NOTHING)) return false
    if (!(Number.isInteger(status) && status >= 100 && status <= 199 && status !== 101)) throw invalid(`${status} is no informational status`)
    this.#core.pump.inform(this, status, informFields(headers).list)
    return true
  }

  /** Begins a response that is streamed: `write` and `end` follow. */
  writeHead (status, headers) {
    if (!this.#expect(NOTHING)) return this
    checkStatus(status)
    const { list, length } = headFields(headers, this.#isHttp1)
    this.#begin(status, length)
    this.#core.pump.head(this, status, list)
    this.#stage = STREAMING
    this.#bodyWriter = new BodyWriter(this, this.#core)
    return this
  }

  /**
   * Opens the tunnel that a CONNECT asks for, such as a WebSocket's (`protocol`):
   * a Duplex of the bytes in it. Silence ends it as it ends any request, see
   * `setIdle`.
   */
  upgrade (headers) {
    if (this.method !== 'CONNECT') throw new GoawayError('GOAWAY_ERR_STATE', 'only CONNECT opens a tunnel')
    this.writeHead(200, headers)
    return new Tunnel(this)
  }

  /**
   * The next piece. It is taken in any case, and must not be changed until the
   * promise resolves: to true when the next one should come. If the peer has
   * gone, the promise rejects while the handler runs, which ends the handler's
   * loop, and resolves to false afterwards; the rejection is marked as handled.
   */
  write (chunk) {
    if (!this.#expect(STREAMING)) return this.#writeInVain()
    const length = this.#checkPiece(chunk)
    this.#written += length
    return this.#bodyWriter.write(chunk, length)
  }

  #writeInVain () {
    if (++this.#inVain === WRITES_IN_VAIN) {
      process.emitWarning(`a request was written to ${WRITES_IN_VAIN} times after its peer had gone: stop when write gives false, or at request.signal`, {
        type: 'GoawayWarning',
        code: 'GOAWAY_WRITES_IN_VAIN'
      })
    }
    if (!this.#isSettled) return handled(Promise.reject(this.#gone))
    return new Promise((resolve) => setImmediate(resolve, false)) // a loop that looks at nothing leaves the others time
  }

  /** The end of it, with a last piece and trailer fields if you like. False if the peer has gone. */
  end (chunk, trailers) {
    if (!this.#expect(STREAMING)) return false
    const { list } = trailerFields(trailers)
    this.#checkRest(chunk ?? null)
    this.#stage = ANSWERED
    this.#bodyWriter.end(chunk ?? null, list.length === 0 ? null : list)
    return true
  }

  /** Ends the stream with RST_STREAM: the peer sees that the response is not whole. False if it is over already. */
  reset (code = CANCEL) {
    checkUint32(code, 'the code')
    if (!this.live) return false
    if (this.#keeps) {
      this.#giveBodyUp()
      return true
    }
    this.#stage = ANSWERED
    this.#bodyWriter?.drop()
    this.#core.pump.reset(this, code)
    return true
  }

  /** After so many ms without a byte either way the stream is reset; 0 is never. False if the request is over. */
  setIdle (ms) {
    checkUint32(ms, 'the time')
    if (this.live) this.#core.pump.setIdle(this, ms)
    return this.live
  }

  /** So many bytes of the response may wait for the peer before `write` lets you wait. False if the peer has gone. */
  setHighWater (bytes) {
    if (!this.#expect(STREAMING)) return false
    if (!(Number.isSafeInteger(bytes) && bytes > 0)) throw invalid(`the high-water mark is ${bytes}, not a number of bytes above 0`)
    this.#bodyWriter.setHighWater(bytes)
    return true
  }

  // ---- how it ends ----

  /**
   * Aborted when nobody waits for the answer any more, with a GoawayError as
   * its reason: GOAWAY_ERR_CANCELLED, `reason` such as 'peer_reset'.
   */
  get signal () {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (this.#gone !== null) this.#abort.abort(this.#gone)
    }
    return this.#abort.signal
  }

  /**
   * Aborted when the session begins to drain: an answer that would go on for
   * ever should end within `leftMs`. The reason is a GoawayError with `leftMs`.
   */
  get draining () {
    this.#drain ??= { until: Infinity, controller: null, error: null }
    if (this.#drain.controller === null) {
      this.#drain.controller = new AbortController()
      if (this.#drain.error !== null) this.#drain.controller.abort(this.#drain.error)
    }
    return this.#drain.controller.signal
  }

  /** Milliseconds until open streams are reset; Infinity while nothing drains. */
  get leftMs () {
    return this.#drain === null ? Infinity : Math.max(0, this.#drain.until - performance.now())
  }

  // False if the peer has gone; throws if the response is at another stage.
  #expect (stage) {
    if (this.#stage === stage) return true
    if (this.#stage === GONE) return false
    throw new GoawayError('GOAWAY_ERR_STATE', STATES[this.#stage])
  }

  /**
   * The handler failed: 500 before the head, or what the peer did wrong; a reset
   * after it. Says whether the program is to be told: not of what the peer did.
   */
  giveUp (error) {
    const isFaultOfPeer = error instanceof PeerFault || (this.#gone !== null && isFault(error, this.#gone))
    if (this.#stage === NOTHING) {
      const status = error instanceof PeerFault ? error.httpStatus : 500
      this.respond(status, `${REASONS[status]}\n`, TEXT)
    } else {
      this.reset(INTERNAL_ERROR)
    }
    // What else the program began for it, such as a timer, has nobody left either.
    if (this.#gone === null) this.#leave(new GoawayError('GOAWAY_ERR_CANCELLED', 'the handler failed', { reason: 'aborted', http2Code: 0 }))
    return !isFaultOfPeer
  }

  #leave (error) {
    this.#gone = error
    this.#stage = GONE
    this.#bodyWriter?.fail(error, this.#isSettled)
    this.#abort?.abort(error)
  }

  // ---- what the pump tells ----

  onBody (data, last, text, flags) {
    const body = this.#incoming()
    if (flags !== '') this.#sensitiveTrailers = sensitiveNames(text.split('\0'), 0, flags)
    if (last) this.#trailers = text === '' ? { __proto__: null } : trailersOf(text)
    body.push(data, last, true)
    if (last && this.#keeps) this.#core.pump.forget(this)
  }

  onWritable (waiting, mark) { this.#bodyWriter?.onWritable(waiting, mark) }

  onDrain (leftMs) {
    this.#drain ??= { until: Infinity, controller: null, error: null }
    this.#drain.until = performance.now() + leftMs
    if (this.#stage >= ANSWERED) return // its end is given already, though the body or a slow peer goes on
    this.#drain.error = new GoawayError('GOAWAY_ERR_STATE', 'the session drains', { leftMs })
    this.#drain.controller?.abort(this.#drain.error)
  }

  onCancelled (code, cause) {
    const reason = native.causes[cause] ?? 'unknown'
    const error = new GoawayError('GOAWAY_ERR_CANCELLED', `nobody waits for the response any more: ${reason}`, { reason, http2Code: code })
    this.#body?.fail(error)
    if (this.#keeps) this.#gone = error // the response is whole
    else this.#leave(error)
  }

  onFailed (kind, status) {
    const code = statusName(status)
    if (code === 'GOAWAY_ERR_GONE' || code === 'GOAWAY_ERR_CANCELLED' || this.#stage === GONE) return
    // Refused: the request is where it was before.
    if (kind === C.COMMAND_KIND_RESPOND || kind === C.COMMAND_KIND_HEAD || kind === C.COMMAND_KIND_INFORM) this.#stage = NOTHING
    this.#core.pump.revive(this)
    this.#core.refused(this, new GoawayError(code, `${KINDS[kind] ?? 'a command'}: ${native.lastError()}`))
  }

  static {
    settle = (request) => { request.#isSettled = true }
  }
}

// A promise that nobody need catch: what fails is the peer's, and told by the signal.
function handled (promise) {
  promise.catch(ignore)
  return promise
}

function parse (bytes) {
  try {
    return JSON.parse(bytes.toString())
  } catch (error) {
    throw new PeerFault('GOAWAY_ERR_INVALID', `the body is no JSON: ${error.message}`, 400, error)
  }
}

function unfit (announced, written) {
  return new GoawayError('GOAWAY_ERR_LENGTH', `content-length is ${announced}, but ${written} bytes were written`)
}

const REASONS = { 400: 'Bad Request', 413: 'Content Too Large', 500: 'Internal Server Error' }
const STATES = ['there is no head yet', 'the head is sent already', 'the request is answered already']
const KINDS = {
  [C.COMMAND_KIND_RESPOND]: 'respond',
  [C.COMMAND_KIND_HEAD]: 'writeHead',
  [C.COMMAND_KIND_WRITE]: 'write',
  [C.COMMAND_KIND_END]: 'end',
  [C.COMMAND_KIND_INFORM]: 'inform'
}

module.exports = { Request, settle: (request) => settle(request) }
