'use strict'

// The two ways of a stream of node:http2 over a request of the library: the body
// that comes in, the answer that goes out, and how both end.

const { AsyncResource } = require('node:async_hooks')
const native = require('../native.js')
const { WriteQueue } = require('../writequeue.js')
const { statusName } = require('../errors.js')
const { failure, connectionLost, checkFunction, checkUint32, checkOptions } = require('./errors.js')
const { rawTrailers, toObject, sentObject, ofResponse, ofTrailers } = require('./headers.js')
const { changeTimer } = require('./timer.js')
const { RequestStream } = require('./requeststream.js')
const { isBodyless, checkHeaders, HeadOptions, statusOf, ofField, flagsOf } = require('./responsehead.js')
const { kJoined, tellJoined } = require('./attach.js')
const channels = require('./channels.js')

const C = native.constants
const NO_LENGTH = C.COMMAND_FLAG_NO_LENGTH
const NO_DATE = C.COMMAND_FLAG_NO_DATE

// RFC 9113, section 7.
const NO_ERROR = 0
const PROTOCOL_ERROR = 1
const INTERNAL_ERROR = 2
const FRAME_SIZE_ERROR = 6
const CANCEL = 8
// Types of frames.
const HEADERS = 1
const PUSH_PROMISE = 5

// Flags of a HEADERS frame, as 'trailers' tells them.
const END_STREAM = 1
const END_HEADERS = 4

/** How long what was written may take to leave before its stream is reset. */
const RESET_MS = 100

class ExchangeStream extends RequestStream {
  [kJoined] = false
  #hub
  #sent = null // what `respond` was given, for sentHeaders
  #sentLater = null // for the compatibility API: what sentHeaders is made of when somebody looks
  #infos = null
  #trailers = null
  #handed = 0 // length of what was written in this turn
  #draining = false // 'drain' comes behind it
  #waiting = 0 // bytes written for the peer while there is no write queue
  #writeQueue = null
  #confirms = false // the program waits with callbacks until what it writes has left
  #failed = null // the callback of a write behind a head that was too large
  #finishing = null // the callback of the end, while trailers are waited for
  #resetting = null // the timer of a reset that lets go what was written
  #timer = null
  #owed = 0 // bytes of the body that came and were not taken
  #ended = false // the body has ended
  #keeps = false // the answer is whole, and the body goes on
  #settling = false // there was time to begin to read
  #wantsTrailers = false
  #endsAtHead = false // the end came before the head
  #endsAnyway = false // `_final` does not end the response
  #sendsFile = false
  #trailersDue = false
  #headError = null // why the head that the program gave could not be sent
  #failing = false // a header section was too large: nothing more is sent
  #rst = NO_ERROR
  #closed = false
  #aborted = false
  #lostWith = null // the code, when its session has ended

  constructor (hub, record) {
    super(hub, record)
    this.headersSent = false
    /** Whether the head that was sent has no body behind it (RFC 9110, section 6.4.1). */
    this.isHeadOnly = false
    this.#hub = hub
    if (record.dataLength > 0) this.push(record.data)
    if (this.isWhole) {
      this.#ended = true
      this.push(null)
    }
  }

  /** Its request and response of the compatibility API are told first. */
  emit (event, ...args) {
    if (event === 'error' && args[0]?.code === 'ERR_STREAM_WRITE_AFTER_END') process.nextTick(endAnyway, this)
    if (this[kJoined]) {
      tellJoined(this, event, args)
      // What fails on the stream they tell by 'aborted' and 'close'.
      if (event === 'error' && this.listenerCount('error') === 0) return false
    }
    return super.emit(event, ...args)
  }

  // ---- what is known of it ----

  get aborted () { return this.#aborted }
  get closed () { return this.#closed }
  get rstCode () { return this.#rst }
  get sentHeaders () {
    if (this.#sent === null && this.#sentLater !== null) {
      const { headers, status, dates } = this.#sentLater
      this.#sent = sentObject(headers, status, dates)
    }
    return this.#sent ?? undefined
  }

  get sentInfoHeaders () { return this.#infos ?? undefined }
  get sentTrailers () { return this.#trailers ?? undefined }
  get bufferSize () { return this.destroyed ? 0 : (this.#writeQueue?.waiting ?? this.#unsent) + super.writableLength }
  get writableLength () { return super.writableLength + this.#unsent }

  // What was written and is on its way to the library, as Node.js counts it.
  get #unsent () { return this.wroteTurn === this.#hub.pump.turn ? this.#handed : 0 }

  get state () {
    if (this.destroyed) return {}
    const local = this.writableFinished ? 1 : 0
    const remote = this.#ended ? 1 : 0
    // The numbers of nghttp2_stream_proto_state: OPEN, HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE, CLOSED.
    const state = local === 1 ? (remote === 1 ? 7 : 5) : (remote === 1 ? 6 : 2)
    return { state, weight: 16, sumDependencyWeight: 0, localClose: local, remoteClose: remote, localWindowSize: (this.owner?.streamWindow ?? 0) - this.#owed }
  }

  // ---- the answer ----

  /** Throws if it is closed. */
  expectOpen () {
    if (this.destroyed || this.#closed) throw failure('ERR_HTTP2_INVALID_STREAM')
  }

  /** The head of the answer. */
  respond (headers, options) {
    this.expectOpen()
    if (this.headersSent) throw failure('ERR_HTTP2_HEADERS_SENT')
    checkOptions(options, 'options')
    checkHeaders(headers, true)
    try {
      this.#respond(headers, options)
    } catch (error) {
      this.#headError = error
      throw error
    }
  }

  /** Calls what gives a head: if it throws, no default head replaces that one. */
  giveHead (give) {
    try {
      give()
    } catch (error) {
      this.#headError = error
      throw error
    }
  }

  // The default head, before what is written without one. It never replaces a
  // head that failed: false, and the stream is destroyed.
  #respondByDefault () {
    if (this.#headError === null) {
      this.#respond()
      return true
    }
    this.destroy(this.#headError)
    return false
  }

  #respond (headers, options) {
    const outgoing = ofResponse(headers)
    const status = statusOf(outgoing.status)
    if (outgoing.length > this.#hub.maxHeaderBytes) this.tooLarge()
    const dates = (options?.sendDate ?? true) && !outgoing.hasDate
    const flags = dates ? NO_LENGTH : NO_LENGTH | NO_DATE
    const endsHere = this.#endsAtHead && !options?.waitForTrailers
    const isHeadOnly = isBodyless(status) || this.headRequest
    const alone = options?.endStream || endsHere || isHeadOnly
    try {
      if (this.#failing) this.#active()
      else if (alone) this.#hub.pump.respond(this, status, outgoing.fields, null, flags | this.#keepBody())
      else this.#hub.pump.head(this, status, outgoing.fields, flags)
    } catch (error) {
      throw ofField(error)
    }
    this.headersSent = true
    this.isHeadOnly = isHeadOnly
    if (options instanceof HeadOptions) this.#sentLater = { headers, status, dates }
    else this.#sent = sentObject(headers, status, dates)
    this.#wantsTrailers = Boolean(options?.waitForTrailers)
    this.#active()
    if (channels.finished.hasSubscribers) this.#publishHead(this.#wantsTrailers || options instanceof HeadOptions)
    if (this.#endsAtHead && !alone) process.nextTick(endAnyway, this)
    else if (this.#endsAtHead) process.nextTick(settle, this)
    else if (alone) this.end()
  }

  #publishHead (mayHaveTrailers) {
    channels.finished.publish({ stream: this, headers: this.sentHeaders, flags: flagsOf(this.headRequest, mayHaveTrailers) })
  }

  /**
   * A header section is longer than may be sent. Nothing more is sent: what
   * follows in this turn is taken and dropped, then comes 'frameError', and the
   * stream is reset. `type`: of the frame.
   */
  tooLarge (type = HEADERS) {
    this.#trailersDue = false
    this.#failing = true
    setImmediate(frameError, this, type)
  }

  /** An informational head before the answer (RFC 9110, section 15.2). */
  additionalHeaders (headers) {
    this.expectOpen()
    if (this.headersSent) throw failure('ERR_HTTP2_HEADERS_AFTER_RESPOND')
    checkHeaders(headers)
    const outgoing = ofResponse(headers)
    const status = outgoing.status === undefined ? 100 : outgoing.status | 0
    if (status === 101) throw failure('ERR_HTTP2_STATUS_101')
    if (status < 100 || status >= 200) throw failure('ERR_HTTP2_INVALID_INFO_STATUS', outgoing.status)
    if (outgoing.length > this.#hub.maxHeaderBytes) return this.tooLarge()
    try {
      this.#hub.pump.inform(this, status, outgoing.fields)
    } catch (error) {
      throw ofField(error)
    }
    this.#infos ??= []
    this.#infos.push(sentObject(headers, status, false))
    this.#active()
  }

  /** The trailer fields, once 'wantTrailers' has asked for them. */
  sendTrailers (headers) {
    this.expectOpen()
    if (this.#trailers !== null) throw failure('ERR_HTTP2_TRAILERS_ALREADY_SENT')
    if (!this.#trailersDue) throw failure('ERR_HTTP2_TRAILERS_NOT_READY')
    checkHeaders(headers)
    const { fields, length } = ofTrailers(headers)
    if (length > this.#hub.maxHeaderBytes) return this.tooLarge()
    try {
      this.#hub.pump.end(this, null, fields.length === 0 ? null : fields, this.#keepBody())
    } catch (error) {
      throw ofField(error)
    }
    this.#trailersDue = false
    this.#trailers = sentObject(headers)
    this.#finished()
  }

  /** Whether the program is to be asked for trailers though it has set none. For response.js. */
  get tellsTrailers () {
    return this.sendTrailers !== sendTrailers || this.listenerCount('wantTrailers') > 0
  }

  /** Has 'wantTrailers' come at the end. For response.js. */
  waitForTrailers () { this.#wantsTrailers = true }

  /** For the functions of this file. */
  askForTrailers () {
    if (this.destroyed || this.#closed) return
    const isAsked = this.emit('wantTrailers')
    if (!isAsked && this.#trailersDue && !this.destroyed) this.sendTrailers({})
  }

  /** The next piece; false, and 'drain' behind this turn, if it reaches the high-water mark with what was written in the turn. */
  write (chunk, encoding, callback) {
    // What a callback confirms has left, so that nothing takes it back.
    if (typeof callback === 'function' || typeof encoding === 'function') this.#confirms = true
    const hasRoom = super.write(chunk, encoding, callback)
    if (!hasRoom || this.#unsent < this.writableHighWaterMark) return hasRoom
    this._writableState.needDrain = true
    if (!this.#draining) process.nextTick(drain, this)
    this.#draining = true
    return false
  }

  /** For the functions of this file. */
  drain () {
    this.#draining = false
    const state = this._writableState
    // Of a piece that waits, its end tells.
    if (!state.needDrain || state.length > 0 || this.writableEnded || this.destroyed) return
    state.needDrain = false
    this.emit('drain')
  }

  _write (chunk, encoding, callback) {
    if (this.#closed) return callback()
    if (!this.headersSent && !this.#respondByDefault()) return callback(this.#headError)
    if (this.#failing) {
      this.#failed = callback // the end of the stream tells that it failed
      return
    }
    if (typeof chunk === 'string') {
      if (encoding !== 'utf8' && encoding !== 'utf-8') chunk = Buffer.from(chunk, encoding)
    } else if (!(chunk instanceof Uint8Array)) {
      chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    }
    this.#active()
    const unsent = this.#unsent
    // As much as it can be at most: what is counted here only tells when to ask for room.
    const length = typeof chunk === 'string' ? chunk.length * 3 : chunk.length
    if (this.#writeQueue === null && !this.#confirms && this.#waiting + length < this.#hub.highWaterBytes) {
      this.#waiting += length
      this.#handed = unsent + chunk.length
      this.#hub.pump.write(this, chunk, false)
      return callback()
    }
    this.#writeQueue ??= new WriteQueue(this, this.#hub.pump, this.#hub.highWaterBytes, this.#waiting)
    this.#writeQueue.write(chunk, typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length, this.#confirms)
    this.#handed = this.#writeQueue.full ? unsent : unsent + chunk.length
    if (this.#writeQueue.full) this.#writeQueue.whenRoom(AsyncResource.bind(callback))
    else callback()
  }

  _writev (chunks, callback) {
    const pieces = chunks.map(({ chunk, encoding }) => typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
    this._write(Buffer.concat(pieces), 'buffer', callback)
  }

  // ---- files ----

  /** The head of a file's answer; pieces and the end follow. For file.js. */
  beginFile (headers, options) {
    this.#respond(headers, options)
    this.#sendsFile = true
    this.end() // nobody else writes
  }

  /** A piece of the file. */
  writePiece (chunk, callback) {
    this._write(chunk, 'buffer', callback)
  }

  endFile () {
    this.#sendsFile = false
    if (!this.#closed && !this.#failing) this.#end()
  }

  _final (callback) {
    if (this.#failing) return // it never finishes
    if (this.#closed) return callback()
    // Only what is written brings a default head: there may be one later.
    if (!this.headersSent) {
      this.#endsAtHead = true
      return callback(this.#headError)
    }
    this.#finishing = callback
    if (this.#sendsFile) return
    this.#end()
  }

  // Whether the response is whole. One that had an error, such as a write behind
  // its end, never finishes.
  get #isComplete () {
    return this.headersSent && (this.writableFinished || (this._writableState.errored !== null && !this.live))
  }

  // Everything is written.
  #end () {
    if (!this.live || this.#keeps) return this.#finished() // the head was all
    if (this.#wantsTrailers) {
      this.#trailersDue = true
      this.#finished()
      process.nextTick(askForTrailers, this)
    } else {
      this.#endAnswer()
    }
  }

  /**
   * Ends the response though `_final` is over, or is not called any more because
   * something was written behind the end. For the functions of this file.
   */
  endAnyway () {
    if (!this.live || this.destroyed || this.#closed || this.#failing || this.#trailersDue || !this.headersSent) return
    this.#endsAnyway = true
    if (!this.#writeQueue?.isAwaited && super.writableLength === 0) this.#end()
  }

  #endAnswer () {
    if (this.live && !this.#closed) this.#hub.pump.end(this, null, null, this.#keepBody())
    this.#finished()
  }

  // For an answer that ends now: the body goes on, for who reads it or begins to
  // in this turn. Flags of the command.
  #keepBody () {
    this.#keeps = !this.#ended && !this.isPushed
    return this.#keeps ? C.COMMAND_FLAG_KEEP_BODY : 0
  }

  #finished () {
    const callback = this.#finishing
    this.#finishing = null
    callback?.()
    process.nextTick(settle, this)
  }

  // ---- the body that comes in ----

  /** Whether somebody reads the body. */
  get #reads () {
    return this.readableFlowing !== null || this.listenerCount('readable') > 0
  }

  _read () {
    if (this.#owed > 0) this.#take()
  }

  #take () {
    if (this.live) this.#hub.pump.consume(this, this.#owed)
    this.#owed = 0
  }

  onBody (data, last, text, flags) {
    if (this.destroyed || this.#closed) return // then its end has been given already
    this.#active()
    if (data !== null) {
      this.#owed += data.length
      if (this.push(data) && this.#owed > 0) this.#take()
    }
    if (!last) return
    this.#ended = true
    if (this.#keeps) this.#hub.pump.forget(this)
    if (text !== '') {
      const raw = rawTrailers(text)
      this.#hub.tell(this, 'trailers', toObject(raw, flags), END_HEADERS | END_STREAM, raw)
    }
    this.push(null)
    this.read(0) // an end with nothing before it is told to who does not read, too
  }

  // ---- how it ends ----

  /**
   * Whether there is nothing left to do: then it is destroyed. For the
   * functions of this file.
   */
  settle () {
    if (this.destroyed || this.#trailersDue || !(this.#isComplete || this.#closed)) return
    if (this.readableEnded || this.readableAborted) return this.destroy()
    if (this.#reads || this.listenerCount('end') > 0) {
      // The rest is not delivered any more; who only waits for the end gets it.
      if (!this.#ended && !this.#keeps && (this.#reads || !this._readableState.ended)) return this.destroy()
      this.once('end', ended)
      if (!this.#reads) this.resume()
      else this.read(0) // one that is paused and has nothing left ends too
    } else if (this.#keeps && !this.#closed && !this.#ended && !this.#settling) {
      this.#settling = true
      setImmediate(settle, this) // who reads may begin in this turn
    } else {
      this.#leaveUnread()
    }
  }

  // Nobody reads, nor wants to know of the end: it is as if it had been read to
  // the end (Node.js resumes such a stream), without the ticks that would take.
  #leaveUnread () {
    const state = this._readableState
    state.flowing = true
    if (state.length === 0 && state.ended) state.endEmitted = true
    this.destroy()
  }

  /** RST_STREAM (RFC 9113, section 6.4), unless the answer is whole already. */
  close (code = NO_ERROR, callback) {
    checkUint32(code, 'code')
    if (callback !== undefined) checkFunction(callback, 'callback')
    if (this.#closed) return
    if (callback !== undefined) this.once('close', AsyncResource.bind(callback))
    const ending = this.writableEnded
    if (code === NO_ERROR && ending && this.headersSent && this.live && this.#finishing === null && !this.writableFinished) {
      // What was written goes first.
      this.once('finish', () => { if (!this.destroyed) this.#shut(code) })
      return
    }
    if (code === NO_ERROR && this.#trailersDue) {
      this.#trailersDue = false
      this.#endAnswer()
    }
    this.#shut(code)
    // Behind this turn, as in Node.js.
    process.nextTick(code !== NO_ERROR ? destroy : settle, this)
  }

  // Closes it, telling the peer if it does not know.
  #shut (code) {
    if (this.#closed) return
    this.#closed = true
    this.#rst = code
    this.#timer?.clear()
    this.#timer = null
    if (this.live) this.#reset(code)
    if (!this.#ended) this.push(null)
    if (!this.writableEnded) {
      this.#aborted = true
      this.emit('aborted')
      this.end()
    }
    if (channels.closed.hasSubscribers) channels.closed.publish({ stream: this })
    this.#finished()
  }

  // What the library has of the response leaves first, if the peer takes it.
  #reset (code) {
    const { pump } = this.#hub
    this.#writeQueue?.drop()
    if (this.#keeps || code === CANCEL || !this.headersSent || this.#failing) return pump.reset(this, code)
    pump.write(this, '', true, true) // WRITABLE tells that it has left
    this.#resetting = setTimeout(resetNow, RESET_MS, this)
  }

  /** For the functions of this file. */
  resetNow () {
    clearTimeout(this.#resetting)
    this.#resetting = null
    if (this.live) this.#hub.pump.reset(this, this.#rst)
  }

  _destroy (error, callback) {
    if (!this.#closed) {
      const whole = this.writableFinished && (this.#keeps || !this.live)
      const code = error === null || whole ? NO_ERROR : error.name === 'AbortError' ? CANCEL : INTERNAL_ERROR
      this.#shut(this.#lostWith ?? code)
    }
    const written = this.#failed ?? this.#writeQueue?.takeWaiting()
    this.#failed = null
    if (error === null && this.#rst !== NO_ERROR && this.#rst !== CANCEL && this.#lostWith === null) {
      error = failure('ERR_HTTP2_STREAM_ERROR', this.#rst)
    }
    this.leaveSession()
    if (error !== null && channels.failed.hasSubscribers) channels.failed.publish({ stream: this, error })
    callback(error)
    written?.(error ?? failure('ERR_HTTP2_INVALID_STREAM'))
  }

  /** Its session is destroyed, with that error or undefined, and that code. */
  fail (error, code) {
    if (this.destroyed) return
    if (this.live) this.#hub.pump.forget(this) // GOAWAY says it
    this.#lostWith = code
    this.destroy(error)
  }

  onWritable (waiting, mark) {
    if (this.#resetting !== null) return this.resetNow()
    if (this.#writeQueue === null || !this.#writeQueue.onWritable(waiting, mark)) return
    this.#active()
    this.#writeQueue.release()
    if (this.#endsAnyway) this.endAnyway()
  }

  onCancelled (code, cause) {
    if (this.destroyed) return
    const name = native.causes[cause]
    if (name === 'connection_lost' && !this.owner?.gotGoaway) {
      this.#lostWith = INTERNAL_ERROR
      // Nobody has to listen: a peer that breaks off must not end the process.
      return void this.destroy(this.listenerCount('error') > 0 ? connectionLost() : null)
    }
    const rst = code !== 0 ? code : CODES[name] ?? CANCEL
    if (!OF_PEER.has(name)) {
      this.#lostWith = rst
      return void this.destroy()
    }
    this.#shut(rst)
    if (rst === NO_ERROR) process.nextTick(settle, this)
    else this.destroy()
  }

  onDrain (leftMs) {
    this.drains = true
    if (this.listenerCount('draining') > 0) this.#hub.tell(this, 'draining', leftMs)
  }

  onFailed (kind, status) {
    const code = statusName(status)
    if (code === 'GOAWAY_ERR_GONE' || code === 'GOAWAY_ERR_CANCELLED') return
    this.#hub.pump.revive(this)
    // The program is done with it, but the peer waits.
    if (this.destroyed) return this.#hub.pump.reset(this, INTERNAL_ERROR)
    this.destroy(Object.assign(new Error(native.lastError()), { code }))
  }

  // ---- time ----

  #active () {
    this.#timer?.refresh()
    if (this.#hub.timed > 0) this.owner?.active()
  }

  setTimeout (ms, callback) {
    if (this.destroyed) return this
    this.#timer = changeTimer(this, this.#timer, ms, callback)
    return this
  }

  _onTimeout () { this.emit('timeout') }

  /** A pushed stream whose promise had these. For push.js. */
  promised (headers) {
    this.#sent = headers
    if (this.headRequest) this.end()
    return this
  }
}

/** Why a stream is closed before it is destroyed; with its connection it is destroyed first, as in Node.js. */
const OF_PEER = new Set(['peer_reset', 'peer_goaway', 'peer_closed'])

/** What a cancelled stream was closed with, where the peer did not say. */
const CODES = { __proto__: null, peer_reset: NO_ERROR, connection_lost: NO_ERROR, protocol_error: PROTOCOL_ERROR, internal: INTERNAL_ERROR }

const { sendTrailers } = ExchangeStream.prototype

function askForTrailers (stream) { stream.askForTrailers() }

function frameError (stream, type) {
  if (stream.destroyed || stream.closed) return
  stream.emit('frameError', type, FRAME_SIZE_ERROR, stream.id)
  stream.close(FRAME_SIZE_ERROR)
}

function resetNow (stream) { stream.resetNow() }
function settle (stream) { stream.settle() }
function destroy (stream) { stream.destroy() }
function drain (stream) { stream.drain() }
function endAnyway (stream) { stream.endAnyway() }
function ended () { this.settle() }

module.exports = { ExchangeStream, PUSH_PROMISE }
