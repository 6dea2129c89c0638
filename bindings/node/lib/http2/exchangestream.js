'use strict'

// The request body and the response of a stream of node:http2, and how both end.

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
// Frame types.
const HEADERS = 1
const PUSH_PROMISE = 5

// Flags of a HEADERS frame in the event 'trailers'.
const END_STREAM = 1
const END_HEADERS = 4

/** How long written data may take to leave before its stream is reset. */
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
  #keeps = false // the response is complete, and the body continues
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
    /** Whether the head that was sent has no body after it (RFC 9110, section 6.4.1). */
    this.isHeadOnly = false
    this.#hub = hub
    if (record.dataLength > 0) this.push(record.data)
    if (this.isWhole) {
      this.#ended = true
      this.push(null)
    }
  }

  /** The request and response of the compatibility API get the event first. */
  emit (event, ...args) {
    if (event === 'error' && args[0]?.code === 'ERR_STREAM_WRITE_AFTER_END') process.nextTick(endAnyway, this)
    if (this[kJoined]) {
      tellJoined(this, event, args)
      // They report an error of the stream by 'aborted' and 'close'.
      if (event === 'error' && this.listenerCount('error') === 0) return false
    }
    return super.emit(event, ...args)
  }

  // ---- state ----

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

  // How many bytes were written and not passed to the library, as Node.js counts them.
  get #unsent () { return this.wroteTurn === this.#hub.pump.turn ? this.#handed : 0 }

  get state () {
    if (this.destroyed) return {}
    const local = this.writableFinished ? 1 : 0
    const remote = this.#ended ? 1 : 0
    // Values of nghttp2_stream_proto_state: OPEN, HALF_CLOSED_LOCAL, HALF_CLOSED_REMOTE,
    // CLOSED.
    const state = local === 1 ? (remote === 1 ? 7 : 5) : (remote === 1 ? 6 : 2)
    return { state, weight: 16, sumDependencyWeight: 0, localClose: local, remoteClose: remote, localWindowSize: (this.owner?.streamWindow ?? 0) - this.#owed }
  }

  // ---- the response ----

  /** Throws if the stream is closed. */
  expectOpen () {
    if (this.destroyed || this.#closed) throw failure('ERR_HTTP2_INVALID_STREAM')
  }

  /** Sends the response head. */
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

  /** Calls a function that sends a head. If it throws, no default head replaces that one. */
  giveHead (give) {
    try {
      give()
    } catch (error) {
      this.#headError = error
      throw error
    }
  }

  // Sends the default head before data that is written without one. It never replaces a
  // head that has failed: then the result is false, and the stream is destroyed.
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
   * A header section is longer than the limit. Nothing more is sent: further writes of this turn
   * are accepted and dropped, then 'frameError' is emitted, and the stream is reset. `type`: the
   * type of the frame.
   */
  tooLarge (type = HEADERS) {
    this.#trailersDue = false
    this.#failing = true
    setImmediate(frameError, this, type)
  }

  /** Sends an informational response before the final one (RFC 9110, section 15.2). */
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

  /** Sends the trailer fields, after 'wantTrailers'. */
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

  /** Whether the program is asked for trailers although it has set none. For response.js. */
  get tellsTrailers () {
    return this.sendTrailers !== sendTrailers || this.listenerCount('wantTrailers') > 0
  }

  /** Makes 'wantTrailers' be emitted at the end. For response.js. */
  waitForTrailers () { this.#wantsTrailers = true }

  /** For the functions of this file. */
  askForTrailers () {
    if (this.destroyed || this.#closed) return
    const isAsked = this.emit('wantTrailers')
    if (!isAsked && this.#trailersDue && !this.destroyed) this.sendTrailers({})
  }

  /**
   * Writes the next piece. Returns false, and 'drain' follows after this turn, if the data written
   * in this turn reaches the high-water mark.
   */
  write (chunk, encoding, callback) {
    // A callback confirms that the data was sent, so a reset must not discard it.
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
    // The end of a waiting piece reports that there is room.
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
    // An upper bound: the count only decides when to ask for room.
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

  /** Sends the head of a response from a file. Pieces and the end follow. For file.js. */
  beginFile (headers, options) {
    this.#respond(headers, options)
    this.#sendsFile = true
    this.end() // nobody else writes
  }

  /** Writes a piece of the file. */
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
    // Only a write sends a default head. The program may send one later.
    if (!this.headersSent) {
      this.#endsAtHead = true
      return callback(this.#headError)
    }
    this.#finishing = callback
    if (this.#sendsFile) return
    this.#end()
  }

  // Whether the response is complete. One with an error, such as a write after its end,
  // never finishes.
  get #isComplete () {
    return this.headersSent && (this.writableFinished || (this._writableState.errored !== null && !this.live))
  }

  // Everything was written.
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
   * Ends the response although `_final` has run, or does not run any more because of a write after
   * the end. For the functions of this file.
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

  // Flags of the command for a response that ends now. The body continues for a program
  // that reads it, or begins to in this turn.
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

  // ---- the request body ----

  /** Whether the program reads the body. */
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

  // ---- the end ----

  /** Destroys the stream if nothing is left to do. For the functions of this file. */
  settle () {
    if (this.destroyed || this.#trailersDue || !(this.#isComplete || this.#closed)) return
    if (this.readableEnded || this.readableAborted) return this.destroy()
    if (this.#reads || this.listenerCount('end') > 0) {
      // The rest of the body is not delivered. A program that only waits for 'end' gets
      // it.
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

  // The program neither reads the body nor waits for its end. The effect is the same as
  // if the body had been read to its end, as in Node.js, without the ticks that this
  // would take.
  #leaveUnread () {
    const state = this._readableState
    state.flowing = true
    if (state.length === 0 && state.ended) state.endEmitted = true
    this.destroy()
  }

  /** Resets the stream (RFC 9113, section 6.4), unless the response is complete. */
  close (code = NO_ERROR, callback) {
    checkUint32(code, 'code')
    if (callback !== undefined) checkFunction(callback, 'callback')
    if (this.#closed) return
    if (callback !== undefined) this.once('close', AsyncResource.bind(callback))
    const ending = this.writableEnded
    if (code === NO_ERROR && ending && this.headersSent && this.live && this.#finishing === null && !this.writableFinished) {
      // Written data is sent first.
      this.once('finish', () => { if (!this.destroyed) this.#shut(code) })
      return
    }
    if (code === NO_ERROR && this.#trailersDue) {
      this.#trailersDue = false
      this.#endAnswer()
    }
    this.#shut(code)
    // After this turn, as in Node.js.
    process.nextTick(code !== NO_ERROR ? destroy : settle, this)
  }

  // Closes the stream, and resets it if the peer does not know that it has ended.
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

  // The part of the response that the library has is sent first, if the peer accepts it.
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

  /** The session was destroyed, with this error or undefined, and this code. */
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
      // Without a listener, a peer that resets a stream must not end the process.
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
    // The program has ended the stream, but the peer waits.
    if (this.destroyed) return this.#hub.pump.reset(this, INTERNAL_ERROR)
    this.destroy(Object.assign(new Error(native.lastError()), { code }))
  }

  // ---- timeouts ----

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

  /** The headers of a pushed stream. For push.js. */
  promised (headers) {
    this.#sent = headers
    if (this.headRequest) this.end()
    return this
  }
}

/**
 * Causes for which a stream is closed before it is destroyed. With the connection it is destroyed
 * first, as in Node.js.
 */
const OF_PEER = new Set(['peer_reset', 'peer_goaway', 'peer_closed'])

/** The error code of a cancelled stream if the peer has sent none. */
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
