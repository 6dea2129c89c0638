'use strict'

// The response of the compatibility API, the second argument of `request` listeners.

const { HeadOptions } = require('./responsehead.js')
const { LazyStream } = require('./lazy.js')
const { attachResponse, kTell } = require('./attach.js')
const { ResponseHeaders, checkName, checkValue, checkList } = require('./responseheaders.js')
const { linkOf } = require('./link.js')
const { socketOf } = require('./streamsocket.js')
const { failure, checkFunction, wrongType } = require('./errors.js')

const NO_ERROR = 0 // RFC 9113, section 7

/** A response like that of node:http, written to an HTTP/2 stream. */
class Http2ServerResponse extends LazyStream {
  #stream
  #headers = new ResponseHeaders()
  #trailers = null
  #status = 200
  #sendDate = true
  #headError = null // why the head could not be sent; null once the program has changed it
  #ending = false
  #closed = false
  #isHeld = false // the stream has closed, and the response has not said so
  #destroyed = false

  constructor (stream) {
    super()
    this.writable = true
    /** Its request; null for a pushed stream. */
    this.req = null
    this.#stream = stream
    attachResponse(stream, this)
  }

  /** The stream of the response. */
  get stream () { return this.#stream }

  /**
   * The stand-in for a socket: the properties of its stream and session. Undefined after the
   * response has closed.
   */
  get socket () { return this.#closed ? undefined : socketOf(this.#stream) }
  get connection () { return this.socket }

  // ---- state ----

  /** Whether the head was sent. */
  get headersSent () { return this.#stream.headersSent }
  get _header () { return this.headersSent }
  get finished () { return this.#ending }
  get writableEnded () { return this.#ending }
  get writableFinished () { return this.#stream.writableFinished }
  get writableCorked () { return this.#stream.writableCorked }
  get writableHighWaterMark () { return this.#stream.writableHighWaterMark }
  get writableLength () { return this.#stream.writableLength }
  get writableObjectMode () { return this.#stream.writableObjectMode }
  get writableNeedDrain () { return this.#stream.writableNeedDrain }

  // ---- the head ----

  get statusCode () { return this.#status }

  set statusCode (status) {
    status |= 0
    if (status >= 100 && status < 200) throw failure('ERR_HTTP2_INFO_STATUS_NOT_ALLOWED')
    if (status < 100 || status > 599) throw failure('ERR_HTTP2_STATUS_INVALID', status)
    this.#status = status
    this.#headError = null
  }

  /** Always empty: HTTP/2 has no reason phrase (RFC 9113, section 8.3.2). */
  get statusMessage () {
    warnOfMessage()
    return ''
  }

  set statusMessage (message) { warnOfMessage() }

  /** Whether `date` is added if it is missing. */
  get sendDate () { return this.#sendDate }
  set sendDate (wanted) { this.#sendDate = Boolean(wanted) }

  /** The value of a field by its name in any case; undefined if there is none. */
  getHeader (name) { return this.#headers.get(name) }
  hasHeader (name) { return this.#headers.has(name) }
  /** The names of the fields in lower case. */
  getHeaderNames () { return this.#headers.names() }
  /** A copy of the fields, with names in lower case. */
  getHeaders () { return this.#headers.copy() }

  /** Sets a field. An array has several fields with this name. */
  setHeader (name, value) {
    this.#expectUnsent()
    const key = checkName(name)
    checkValue(key, value)
    if (this.#takesFields()) this.#headers.set(key, value)
    return this
  }

  /** Adds one or several fields with this name. */
  appendHeader (name, value) {
    this.#expectUnsent()
    const key = checkName(name)
    checkValue(key, value)
    if (this.#takesFields()) this.#headers.append(key, value)
    return this
  }

  removeHeader (name) {
    if (typeof name !== 'string') throw wrongType('name', 'string', name)
    this.#expectUnsent()
    if (!this.#takesFields()) return
    const key = name.trim().toLowerCase()
    if (key === 'date') this.#sendDate = false
    this.#headers.remove(key)
  }

  // Throws if the head was sent.
  #expectUnsent () {
    if (this.#stream.headersSent) throw failure('ERR_HTTP2_HEADERS_SENT')
  }

  // False if the stream has ended.
  #takesFields () {
    this.#headError = null
    return !this.#closed && !this.#stream.destroyed
  }

  /**
   * Sends the head. Fields that were set before are kept, unless `headers` (an object or a list)
   * has the same names.
   */
  writeHead (status, message, headers) {
    if (this.#closed || this.#stream.destroyed || this.#stream.closed) return this
    if (this.#stream.headersSent) throw failure('ERR_HTTP2_HEADERS_SENT')
    if (typeof message === 'string') warnOfMessage()
    else if (headers === undefined) headers = message
    checkList(headers)
    try {
      // First, so that a later head never has another status.
      if (status !== undefined) this.#status = status
      const merged = headers === undefined || headers === null ? this.#headers : this.#headers.merged(headers)
      const { fields } = merged
      fields[':status'] = this.#status
      this.#stream.respond(fields, new HeadOptions(this.#ending && this.#trailers === null, this.#sendDate))
      this.#headers = merged
    } catch (error) {
      this.#headError = error
      throw error
    }
    return this
  }

  // Sends the head that was set before data that is written without `writeHead`. It never
  // replaces a head that has failed, unless the program has changed it since: then the
  // result is false, and the stream is destroyed.
  #writeOwnHead () {
    if (this.#headError === null) {
      this.writeHead(this.#status)
      return true
    }
    this.destroy(this.#headError)
    return false
  }

  /** Sends the head that was set, unless it was sent. */
  flushHeaders () {
    if (!this.#closed && !this.#stream.headersSent) this.#writeOwnHead()
  }

  /** Sends 100 (Continue). False if it is too late. */
  writeContinue () {
    return this.#inform({ ':status': 100 })
  }

  /**
   * Sends 103 (Early Hints) with `link`, a text or several, and other fields. False if it is too
   * late.
   */
  writeEarlyHints (hints) {
    if (hints === null || typeof hints !== 'object' || Array.isArray(hints)) throw wrongType('hints', 'Object', hints)
    const fields = { __proto__: null, ':status': 103 }
    const { link, ...others } = hints
    const value = linkOf(link)
    if (value === '') return false
    for (const name of Object.keys(others)) fields[checkName(name)] = others[name]
    fields.link = value
    return this.#inform(fields)
  }

  /** Sends an informational response except 101, with fields. False if it is too late. */
  writeInformation (status, fields) {
    if (typeof status !== 'number' || !(status >= 100 && status <= 199) || status === 101) {
      throw failure('ERR_HTTP2_STATUS_INVALID', status)
    }
    fields ??= {}
    if (typeof fields !== 'object' || Array.isArray(fields)) throw wrongType('headers', 'Object', fields)
    return this.#inform({ __proto__: null, ...fields, ':status': status })
  }

  #inform (fields) {
    const stream = this.#stream
    if (this.#closed || stream.headersSent || stream.destroyed || stream.closed) return false
    stream.additionalHeaders(fields)
    return true
  }

  // ---- trailers ----

  /** Adds a trailer field. Fields that are added after `end` are ignored. */
  setTrailer (name, value) {
    const key = checkName(name)
    checkValue(key, value)
    this.#trailers ??= { __proto__: null }
    this.#trailers[key] = value
  }

  /** Adds several trailer fields by name. */
  addTrailers (trailers) {
    for (const name of Object.keys(trailers)) this.setTrailer(name, trailers[name])
  }

  // ---- the body ----

  /** Writes the next piece. False if the program should wait for 'drain'. */
  write (chunk, encoding, callback) {
    if (typeof encoding === 'function') {
      callback = encoding
      encoding = 'utf8'
    }
    const stream = this.#stream
    if (this.#ending || (this.#closed && !this.#isHeadOnly)) return this.#refuse(callback)
    if (!stream.headersSent) {
      if (this.#destroyed || stream.destroyed) return false
      checkChunk(chunk) // the program may send another response
      if (!this.#writeOwnHead()) {
        if (typeof callback === 'function') process.nextTick(callback, this.#headError)
        return false
      }
    }
    if (this.#isHeadOnly) return this.#drop(callback)
    if (this.#destroyed || stream.destroyed) return false
    return stream.write(chunk, encoding, callback)
  }

  #refuse (callback) {
    const error = this.#ending ? failure('ERR_STREAM_WRITE_AFTER_END') : failure('ERR_HTTP2_INVALID_STREAM')
    if (typeof callback === 'function') process.nextTick(callback, error)
    // A response that was ended is still delivered: its trailers are sent in this turn.
    if (this.#ending && this.#trailers !== null) setImmediate(() => this.destroy(error))
    else this.destroy(error)
    return false
  }

  // False, as in Node.js. 'drain' lets a pipe continue to its end.
  #drop (callback) {
    process.nextTick(dropped, this, callback)
    return false
  }

  // Whether only the head is sent: the pieces of a body are dropped.
  get #isHeadOnly () { return this.#stream.isHeadOnly }

  /** Ends the response, with a last piece. `callback` is called when it was passed on. */
  end (chunk, encoding, callback) {
    if (typeof chunk === 'function') {
      callback = chunk
      chunk = undefined
    } else if (typeof encoding === 'function') {
      callback = encoding
      encoding = 'utf8'
    }
    if (this.#ending || this.#closed) {
      if (typeof callback === 'function') process.nextTick(callback)
      return this
    }
    // As in Node.js, through methods that a program may have replaced.
    if (chunk !== null && chunk !== undefined) this.write(chunk, encoding)
    this.#ending = true
    const stream = this.#stream
    try {
      if (!stream.headersSent && !stream.destroyed) this.#writeOwnHead()
    } catch (error) {
      this.#ending = false // the program may send another response
      throw error
    }
    if (typeof callback === 'function') this.#onceFinished(callback)
    if (!this.#destroyed && !stream.destroyed && !stream.closed) this.#endStream()
    else if (this.#isHeld) process.nextTick(release, this)
    return this
  }

  #endStream () {
    const stream = this.#stream
    if (this.#trailers !== null || stream.tellsTrailers) stream.waitForTrailers()
    stream.end()
  }

  #onceFinished (callback) {
    const stream = this.#stream
    if (stream.writableEnded && !this.#closed) this.once('finish', callback)
    else if (stream.writableFinished || stream.destroyed) process.nextTick(callback)
    else stream.once('finish', callback)
  }

  cork () { this.#stream.cork() }
  uncork () { this.#stream.uncork() }

  /** Resets the stream, so that the peer sees that the response is incomplete. */
  destroy (error) {
    if (this.#destroyed) return
    this.#destroyed = true
    this.#stream.destroy(error)
  }

  /** Emits 'timeout' here and on the request after `ms` without activity. */
  setTimeout (ms, callback) {
    if (!this.#closed) this.#stream.setTimeout(ms, callback)
    return this
  }

  /** Pushes a response (RFC 9113, section 8.4): `callback(error, response)`. */
  createPushResponse (headers, callback) {
    checkFunction(callback, 'callback')
    if (this.#closed || this.#stream.destroyed) {
      process.nextTick(callback, failure('ERR_HTTP2_INVALID_STREAM'))
      return
    }
    this.#stream.pushStream(headers, {}, (error, stream) => {
      if (error) callback(error)
      else callback(null, new Http2ServerResponse(stream))
    })
  }

  // ---- events of the stream ----

  [kTell.end] () {}
  [kTell.trailers] () {}
  [kTell.aborted] () {}
  [kTell.timeout] () { this.emit('timeout') }
  [kTell.drain] () { this.emit('drain') }

  [kTell.wantTrailers] () {
    try {
      this.#stream.sendTrailers(this.#trailers ?? {})
    } catch (error) {
      this.#stream.destroy(error) // nobody called who could catch it
    }
  }

  [kTell.close] () {
    if (this.#closed) return
    const { owner, rstCode } = this.#stream
    // The response is complete, but a program that pipes or waits for 'drain' has not
    // ended it yet, and would take 'close' for an error.
    const isWritten = this.listenerCount('unpipe') > 0 || this.listenerCount('drain') > 0
    if (isWritten && this.#isHeadOnly && !this.#ending && rstCode === NO_ERROR && owner !== undefined && !owner.destroyed) {
      this.#isHeld = true
      owner.once('close', () => this.release())
    } else {
      this.release()
    }
  }

  /** Emits that the response has closed. For this file. */
  release () {
    if (this.#closed) return
    this.#closed = true
    this.emit('finish')
    this.emit('close')
  }
}

function checkChunk (chunk) {
  if (typeof chunk === 'string' || ArrayBuffer.isView(chunk)) return
  throw wrongType('chunk', ['string', 'Buffer', 'TypedArray', 'DataView'], chunk)
}

function release (response) { response.release() }

// A piece was dropped: the writer continues.
function dropped (response, callback) {
  if (typeof callback === 'function') callback()
  response.emit('drain')
}

let warned = false

function warnOfMessage () {
  if (warned) return
  warned = true
  process.emitWarning('Status message is not supported by HTTP/2 (RFC7540 8.1.2.4)', 'UnsupportedWarning')
}

module.exports = { Http2ServerResponse }
