'use strict'

// A request with its response.

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
/** How many writes without effect end a handler: it is an endless loop. */
const WRITES_IN_VAIN = 1000

// The stages of a response.
const NOTHING = 0
const STREAMING = 1
const ANSWERED = 2
const GONE = 3

/** The trailer fields of most requests that were sent as never indexed: none. */
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
  #keeps = false // the response is complete, and the body continues
  #gone = null // the error with the cause of the cancellation
  #isSettled = false // the handler has ended
  #inVain = 0 // writes after the peer has left
  #announced = -1 // content-length of a streamed response
  #written = 0
  #isBodyless = false
  #abort = null
  #drain = null // { until, controller }, once the session drains or the program asks

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

  /** The id of the request in the C interface. */
  get id () { return this.high * 4294967296 + (this.low >>> 0) }

  /** The session of the request. */
  get session () {
    const id = this.#sessionHigh * 4294967296 + (this.#sessionLow >>> 0)
    // `peer` of the request may be the client that a proxy reports.
    return this.#core.sessions.get(id) ?? this.#core.session(id, this.#core.server.session(id)?.peer ?? this.peer)
  }

  /** The path prefix under which a trusted proxy publishes the server, such as '/shop'; '' if there is none. */
  get prefix () { return this.#core.server.prefix(this.id) }

  /** The HTTP version: '2.0', '1.1' or '1.0'. */
  get httpVersion () {
    if ((this.#flags & C.RECORD_FLAG_HTTP_1_1) !== 0) return '1.1'
    return (this.#flags & C.RECORD_FLAG_HTTP_1_0) !== 0 ? '1.0' : '2.0'
  }

  /**
   * The stream identifier, or over HTTP/1.1 the index of the request on its connection; 0 after the
   * end.
   */
  get stream () { return native.stream(this.id) }

  /** Whether the response head was sent. */
  get headSent () { return this.#stage !== NOTHING }

  /** Whether the response is complete, or the request was cancelled. */
  get ended () { return this.#stage >= ANSWERED }

  // ---- the request body ----

  /**
   * The body: an async iterable of Buffers that can be read once. Flow control holds back what is
   * not read. A peer that waits for 100 (Continue) gets it now, unless the response head was sent.
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

  /** The names of the trailer fields that were sent as never indexed. */
  get sensitiveTrailers () { return this.#sensitiveTrailers }

  /** The trailer fields after the end of the body; null before. */
  get trailers () {
    if (this.#trailers === null && (this.#flags & C.RECORD_FLAG_END) !== 0) this.#trailers = { __proto__: null }
    return this.#trailers
  }

  /**
   * The whole body as a Buffer. A body longer than `limit` bytes (default: the limit bodyBytes)
   * throws GOAWAY_ERR_TOO_LARGE; the response is 413 if the handler does not catch that.
   */
  bytes (options = {}) { return handled(this.#collect(options)) }

  /** The whole body as text, decoded as UTF-8. */
  text (options = {}) { return handled(this.#collect(options).then(String)) }

  /**
   * The whole body as JSON. An invalid body throws GOAWAY_ERR_INVALID; the response is 400 if the
   * handler does not catch that.
   */
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

  // Invalid arguments throw. If the peer has left, nothing is checked or sent.

  /**
   * Sends the whole response. `body` is a string (UTF-8), a Uint8Array or nothing; `headers` and
   * `trailers` are an object, a flat list or pairs. False if the peer has left.
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
      // Without content-length, because some clients stop reading there.
      pump.head(this, status, list)
      pump.end(this, data, fields, this.keepBody())
    }
    this.#stage = ANSWERED
    return true
  }

  get #isHttp1 () { return (this.#flags & (C.RECORD_FLAG_HTTP_1_1 | C.RECORD_FLAG_HTTP_1_0)) !== 0 }
  get #isHead () { return (this.#flags & C.RECORD_FLAG_HEAD) !== 0 }

  // RFC 9110, section 9.3.6: a 2xx response to CONNECT has no body.
  #isTunnel (status) { return status < 300 && this.method === 'CONNECT' }

  #checkWhole (status, data, announced) {
    if (data !== null && typeof data !== 'string') lengthOf(data) // throws
    if (announced === -1 && !isBodyless(status)) return
    if (this.#isTunnel(status)) return
    const length = data === null ? 0 : lengthOf(data)
    if (isBodyless(status) && length > 0) throw invalid(`${status} has no body`)
    if (announced !== -1 && announced !== length && !this.#isHead && !isBodyless(status)) throw unfit(announced, length)
  }

  // A streamed response with this status begins. Its content-length, or -1.
  #begin (status, announced) {
    const isTunnel = (announced !== -1 || isBodyless(status)) && this.#isTunnel(status)
    this.#announced = isTunnel ? -1 : announced
    this.#isBodyless = isBodyless(status) && !isTunnel
  }

  // The length of a piece that may be written.
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

  /**
   * Flags of the command for a response that ends now: whether the body continues for its reader.
   * For bodywriter.js.
   */
  keepBody () {
    this.#keeps = this.#body !== null && this.#body.isRead
    return this.#keeps ? C.COMMAND_FLAG_KEEP_BODY : 0
  }

  #giveBodyUp () {
    if (!this.#keeps) return
    this.#keeps = false
    if (this.live) this.#core.pump.reset(this, NO_ERROR)
  }

  /** Sends an informational response, such as 103 with `link`. False if the peer has left. */
  inform (status, headers) {
    if (!this.#expect(NOTHING)) return false
    if (!(Number.isInteger(status) && status >= 100 && status <= 199 && status !== 101)) throw invalid(`${status} is no informational status`)
    this.#core.pump.inform(this, status, informFields(headers).list)
    return true
  }

  /** Begins a streamed response. `write` and `end` follow. */
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
   * Accepts a CONNECT, such as for a WebSocket (`protocol`), and returns the data of the tunnel as
   * a Duplex. A silent tunnel ends like any silent request; see `setIdle`.
   */
  upgrade (headers) {
    if (this.method !== 'CONNECT') throw new GoawayError('GOAWAY_ERR_STATE', 'only CONNECT opens a tunnel')
    this.writeHead(200, headers)
    return new Tunnel(this)
  }

  /**
   * Writes the next piece. It is always accepted, and must not be changed until the promise
   * resolves. The promise resolves to true when the next piece should be written. If the peer has
   * left, it rejects while the handler runs, which ends a loop of the handler, and resolves to
   * false afterwards. The rejection is marked as handled.
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
    return new Promise((resolve) => setImmediate(resolve, false)) // a loop that ignores the result leaves time for others
  }

  /** Ends the response, with a last piece and trailer fields. False if the peer has left. */
  end (chunk, trailers) {
    if (!this.#expect(STREAMING)) return false
    const { list } = trailerFields(trailers)
    this.#checkRest(chunk ?? null)
    this.#stage = ANSWERED
    this.#bodyWriter.end(chunk ?? null, list.length === 0 ? null : list)
    return true
  }

  /**
   * Resets the stream (RST_STREAM), so that the peer sees that the response is incomplete. False if
   * the request has ended.
   */
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

  /**
   * Sets after how many milliseconds without a byte in either direction the stream is reset; 0 is
   * never. False if the request has ended.
   */
  setIdle (ms) {
    checkUint32(ms, 'the time')
    if (this.live) this.#core.pump.setIdle(this, ms)
    return this.live
  }

  /**
   * Sets how many bytes may wait for the peer before the promise of `write` waits. False if the
   * peer has left.
   */
  setHighWater (bytes) {
    if (!this.#expect(STREAMING)) return false
    if (!(Number.isSafeInteger(bytes) && bytes > 0)) throw invalid(`the high-water mark is ${bytes}, not a number of bytes above 0`)
    this.#bodyWriter.setHighWater(bytes)
    return true
  }

  // ---- cancellation and drain ----

  /**
   * Aborted when the request is cancelled. The reason is a GoawayError GOAWAY_ERR_CANCELLED with a
   * `reason` such as 'peer_reset'.
   */
  get signal () {
    if (this.#abort === null) {
      this.#abort = new AbortController()
      if (this.#gone !== null) this.#abort.abort(this.#gone)
    }
    return this.#abort.signal
  }

  /**
   * Aborted when the session begins to drain: an endless response should end within `leftMs`. The
   * reason is a GoawayError with `leftMs`.
   */
  get draining () {
    this.#drain ??= { until: Infinity, controller: null, error: null }
    if (this.#drain.controller === null) {
      this.#drain.controller = new AbortController()
      if (this.#drain.error !== null) this.#drain.controller.abort(this.#drain.error)
    }
    return this.#drain.controller.signal
  }

  /** Milliseconds until open streams are reset; Infinity if the session does not drain. */
  get leftMs () {
    return this.#drain === null ? Infinity : Math.max(0, this.#drain.until - performance.now())
  }

  // False if the peer has left. Throws if the response is at another stage.
  #expect (stage) {
    if (this.#stage === stage) return true
    if (this.#stage === GONE) return false
    throw new GoawayError('GOAWAY_ERR_STATE', STATES[this.#stage])
  }

  /**
   * The handler has failed. Before the head the response is 500, or the status for an error of the
   * peer; after the head the stream is reset. Returns whether the error is reported to the program,
   * which an error of the peer is not.
   */
  giveUp (error) {
    const isFaultOfPeer = error instanceof PeerFault || (this.#gone !== null && isFault(error, this.#gone))
    if (this.#stage === NOTHING) {
      const status = error instanceof PeerFault ? error.httpStatus : 500
      this.respond(status, `${REASONS[status]}\n`, TEXT)
    } else {
      this.reset(INTERNAL_ERROR)
    }
    // Other work that the program has begun for the request, such as a timer, has no
    // receiver any more.
    if (this.#gone === null) this.#leave(new GoawayError('GOAWAY_ERR_CANCELLED', 'the handler failed', { reason: 'aborted', http2Code: 0 }))
    return !isFaultOfPeer
  }

  #leave (error) {
    this.#gone = error
    this.#stage = GONE
    this.#bodyWriter?.fail(error, this.#isSettled)
    this.#abort?.abort(error)
  }

  // ---- records, from the pump ----

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
    if (this.#stage >= ANSWERED) return // the response has ended; the body may continue, or the peer read slowly
    this.#drain.error = new GoawayError('GOAWAY_ERR_STATE', 'the session drains', { leftMs })
    this.#drain.controller?.abort(this.#drain.error)
  }

  onCancelled (code, cause) {
    const reason = native.causes[cause] ?? 'unknown'
    const error = new GoawayError('GOAWAY_ERR_CANCELLED', `nobody waits for the response any more: ${reason}`, { reason, http2Code: code })
    this.#body?.fail(error)
    if (this.#keeps) this.#gone = error // the response is complete
    else this.#leave(error)
  }

  onFailed (kind, status) {
    const code = statusName(status)
    if (code === 'GOAWAY_ERR_GONE' || code === 'GOAWAY_ERR_CANCELLED' || this.#stage === GONE) return
    // Refused: the request is in the stage before.
    if (kind === C.COMMAND_KIND_RESPOND || kind === C.COMMAND_KIND_HEAD || kind === C.COMMAND_KIND_INFORM) this.#stage = NOTHING
    this.#core.pump.revive(this)
    this.#core.refused(this, new GoawayError(code, `${KINDS[kind] ?? 'a command'}: ${native.lastError()}`))
  }

  static {
    settle = (request) => { request.#isSettled = true }
  }
}

// The rejection of a promise need not be caught: it concerns the peer, and the signal
// reports it.
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
const STATES = ['there is no head yet', 'the head was sent already', 'the response was sent already']
const KINDS = {
  [C.COMMAND_KIND_RESPOND]: 'respond',
  [C.COMMAND_KIND_HEAD]: 'writeHead',
  [C.COMMAND_KIND_WRITE]: 'write',
  [C.COMMAND_KIND_END]: 'end',
  [C.COMMAND_KIND_INFORM]: 'inform'
}

module.exports = { Request, settle: (request) => settle(request) }
