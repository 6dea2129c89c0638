'use strict'

// One request and its answer.

const native = require('./native.js')
const { Head, trailersOf } = require('./head.js')
const { Body } = require('./body.js')
const { Outlet } = require('./outlet.js')
const { Tunnel } = require('./tunnel.js')
const { GoawayError, statusName } = require('./errors.js')

const C = native.constants
const CANCELLED = 'GOAWAY_ERR_CANCELLED'
const NO_ERROR = 0
const INTERNAL_ERROR = 2 // RFC 9113, section 7
const CANCEL = 8
const DEFAULT_BODY_BYTES = 16 * 1024 * 1024
const TEXT = { 'content-type': 'text/plain' }

// How far the answer is.
const NOTHING = 0
const STREAMING = 1
const ANSWERED = 2
const GONE = 3

function checkStatus (status) {
  if (!(status >= 200 && status <= 599)) throw new GoawayError('GOAWAY_ERR_INVALID', `${status} is no status of an answer (200 to 599)`)
}

class Request extends Head {
  #core
  #stage = NOTHING
  #flags
  #data
  #sessionLow
  #sessionHigh
  #body = null
  #trailers = null
  #outlet = null
  #keeps = false // the answer is whole, and the body goes on
  #gone = null // the error that tells why nobody waits any more
  #abort = null
  #drain = null // { until, controller } once the session drains or somebody asks

  constructor (core, record) {
    super(record)
    this.low = record.low
    this.high = record.high
    this.live = true
    this.headAt = -1
    this.headTurn = -1
    this.wroteAt = -1
    this.wroteTurn = -1
    this.#core = core
    this.#flags = record.flags
    this.#data = record.dataLength > 0 ? record.data : null
    this.#sessionLow = record.sessionLow
    this.#sessionHigh = record.sessionHigh
    if ((this.#flags & C.RECORD_DRAINING) !== 0) this.onDrain(record.number)
  }

  /** The request's id, as the C interface knows it. */
  get id () { return this.high * 4294967296 + (this.low >>> 0) }

  /** The session that it came on. */
  get session () { return this.#core.session(this.#sessionHigh * 4294967296 + (this.#sessionLow >>> 0), this.peer) }

  /** The version of HTTP that it came in: '2.0', '1.1' or '1.0'. */
  get httpVersion () {
    if ((this.#flags & C.RECORD_HTTP_1_1) !== 0) return '1.1'
    return (this.#flags & C.RECORD_HTTP_1_0) !== 0 ? '1.0' : '2.0'
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
    if (this.#body === null && this.live && (this.#flags & C.RECORD_END) === 0 && this.expectsContinue) {
      this.#core.pump.consume(this, 0)
    }
    return this.#incoming()
  }

  #incoming () {
    if (this.#body === null) {
      this.#body = new Body((bytes) => { if (this.live) this.#core.pump.consume(this, bytes) }, () => this.#giveBodyUp())
      if ((this.#flags & C.RECORD_END) !== 0) this.#body.push(this.#data, true, false)
      if (this.#gone !== null) this.#body.fail(this.#gone)
      this.#data = null
    }
    return this.#body
  }

  /** The trailer fields of the request, once the body has ended; null before. */
  get trailers () {
    if (this.#trailers === null && (this.#flags & C.RECORD_END) !== 0) this.#trailers = { __proto__: null }
    return this.#trailers
  }

  /**
   * The whole body as one Buffer. More than `limit` bytes (16 MiB) are answered
   * 413, and this throws GOAWAY_ERR_TOO_LARGE.
   */
  async bytes ({ limit = DEFAULT_BODY_BYTES } = {}) {
    const chunks = []
    let length = 0
    for await (const chunk of this.body) {
      length += chunk.length
      if (length > limit) {
        if (this.#stage === NOTHING) this.respond(413, 'Content Too Large\n', TEXT)
        throw new GoawayError('GOAWAY_ERR_TOO_LARGE', `the body is longer than ${limit} bytes`)
      }
      chunks.push(chunk)
    }
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length)
  }

  /** The whole body as text, UTF-8. */
  async text (options) { return (await this.bytes(options)).toString('utf8') }

  /** The whole body as JSON. */
  async json (options) { return JSON.parse(await this.text(options)) }

  // ---- the answer ----

  /**
   * The whole answer at once. `body` is a string (UTF-8), a Uint8Array or
   * nothing; `headers` and `trailers` an object, a flat list or pairs.
   */
  respond (status, body, headers, trailers) {
    this.#expect(NOTHING)
    checkStatus(status)
    const pump = this.#core.pump
    if (trailers === undefined || trailers === null) {
      pump.respond(this, status, headers, body, this.keepBody())
    } else {
      pump.checkFields(trailers) // before anything is sent
      // Without content-length: there are clients that read no further than that.
      pump.head(this, status, headers)
      this.#stage = STREAMING
      pump.end(this, body, trailers, this.keepBody())
    }
    this.#stage = ANSWERED
  }

  /** For an answer that ends now, whether the body goes on for its reader: flags of the command. For outlet.js. */
  keepBody () {
    this.#keeps = this.#body !== null && this.#body.isRead
    return this.#keeps ? C.COMMAND_KEEP_BODY : 0
  }

  #giveBodyUp () {
    if (!this.#keeps) return
    this.#keeps = false
    if (this.live) this.#core.pump.reset(this, NO_ERROR)
  }

  /** An informational head before the answer, such as 103 with `link`. */
  inform (status, headers) {
    this.#expect(NOTHING)
    if (!(status >= 100 && status <= 199 && status !== 101)) {
      throw new GoawayError('GOAWAY_ERR_INVALID', `${status} is no informational status`)
    }
    this.#core.pump.inform(this, status, headers)
  }

  /** Begins an answer that is streamed: `write` and `end` follow. */
  writeHead (status, headers) {
    this.#expect(NOTHING)
    checkStatus(status)
    this.#core.pump.head(this, status, headers)
    this.#stage = STREAMING
    this.#outlet = new Outlet(this, this.#core)
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
   * promise resolves, which is when the next one should come. It rejects if
   * nobody waits any more.
   */
  write (chunk) {
    if (this.#gone !== null) return Promise.reject(this.#gone)
    this.#expect(STREAMING)
    return this.#outlet.write(chunk)
  }

  /** The end of it, with a last piece and trailer fields if you like. */
  end (chunk, trailers) {
    if (this.#gone !== null) return
    this.#expect(STREAMING)
    this.#stage = ANSWERED
    this.#outlet.end(chunk ?? null, trailers ?? null)
  }

  /** Ends the stream with RST_STREAM: the peer sees that the answer is not whole. */
  reset (code = CANCEL) {
    if (this.#stage >= ANSWERED && !this.live) return
    if (this.#keeps) return this.#giveBodyUp()
    this.#stage = ANSWERED
    this.#outlet?.drop()
    if (this.live) this.#core.pump.reset(this, code)
  }

  /** After so many ms without a byte either way the stream is reset; 0 is never. */
  setIdle (ms) { if (this.live) this.#core.pump.setIdle(this, ms) }

  /** So many bytes of the answer may wait for the peer before `write` lets you wait. */
  setHighWater (bytes) {
    this.#expect(STREAMING)
    this.#outlet.setHighWater(bytes)
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

  #expect (stage) {
    if (this.#stage === stage) return
    if (this.#gone !== null) throw this.#gone
    throw new GoawayError('GOAWAY_ERR_STATE', STATES[this.#stage])
  }

  /**
   * The handler failed: 500 before the head, a reset after it. False if the
   * error only says that nobody waits any more, which is no failure.
   */
  giveUp (error) {
    if (this.#gone !== null && (error === this.#gone || error?.code === CANCELLED || error?.name === 'AbortError')) return false
    if (this.#stage === NOTHING) this.respond(500, 'Internal Server Error\n', TEXT)
    else this.reset(INTERNAL_ERROR)
    return !(error instanceof GoawayError && error.code === 'GOAWAY_ERR_TOO_LARGE' && this.#stage === ANSWERED)
  }

  // ---- what the pump tells ----

  onBody (data, last, text) {
    const body = this.#incoming()
    if (last) this.#trailers = text === '' ? { __proto__: null } : trailersOf(text)
    body.push(data, last, true)
    if (last && this.#keeps) this.#core.pump.forget(this)
  }

  onWritable (waiting, mark) { this.#outlet?.onWritable(waiting, mark) }

  onDrain (leftMs) {
    this.#drain ??= { until: Infinity, controller: null, error: null }
    this.#drain.until = performance.now() + leftMs
    this.#drain.error = new GoawayError('GOAWAY_ERR_STATE', 'the session drains', { leftMs })
    this.#drain.controller?.abort(this.#drain.error)
  }

  onCancelled (code, cause) {
    const reason = native.causes[cause] ?? 'unknown'
    this.#gone = new GoawayError(CANCELLED, `nobody waits for the answer any more: ${reason}`, { reason, http2Code: code })
    this.#body?.fail(this.#gone)
    if (this.#keeps) return // the answer is whole
    this.#stage = GONE
    this.#outlet?.fail(this.#gone)
    this.#abort?.abort(this.#gone)
  }

  onFailed (kind, status) {
    const code = statusName(status)
    if (code === 'GOAWAY_ERR_GONE' || code === CANCELLED || this.#stage === GONE) return
    // Refused: the request is where it was before.
    if (kind === C.COMMAND_KIND_RESPOND || kind === C.COMMAND_KIND_HEAD || kind === C.COMMAND_KIND_INFORM) this.#stage = NOTHING
    this.#core.pump.revive(this)
    this.#core.fail(this, new GoawayError(code, `${KINDS[kind] ?? 'a command'}: ${native.lastError()}`))
  }
}

const STATES = ['there is no head yet', 'the head is sent already', 'the request is answered already', 'the request is gone']
const KINDS = {
  [C.COMMAND_KIND_RESPOND]: 'respond',
  [C.COMMAND_KIND_HEAD]: 'writeHead',
  [C.COMMAND_KIND_WRITE]: 'write',
  [C.COMMAND_KIND_END]: 'end',
  [C.COMMAND_KIND_INFORM]: 'inform'
}

module.exports = { Request }
