'use strict'

// The request of the compatibility API, the first argument of `request` listeners.

const { LazyReadable, isReadable } = require('./lazy.js')
const { attachRequest, requestOf, kTell } = require('./attach.js')
const { socketOf } = require('./streamsocket.js')
const { wrongType, wrongValue } = require('./errors.js')

/** The stream reports its end once, whoever destroys the request. */
const OPTIONS = { autoDestroy: false, emitClose: false }

/** A request like that of node:http, read from an HTTP/2 stream. */
class Http2ServerRequest extends LazyReadable {
  #options
  #stream
  #headers
  #rawHeaders
  #trailers = null
  #rawTrailers = null
  #method // once the program has set it
  #url
  #aborted = false
  #closed = false
  #reading = false

  /** `headers` and `rawHeaders` are those of the stream by default. */
  constructor (stream, headers, options, rawHeaders) {
    super()
    this.#options = options
    this.#stream = stream
    this.#headers = headers
    this.#rawHeaders = rawHeaders
    attachRequest(stream, this)
  }

  /** The options of the Readable. */
  get readableOptions () { return this.#options === undefined ? OPTIONS : { ...this.#options, ...OPTIONS } }

  /** The stream of the request. */
  get stream () { return this.#stream }

  /** The headers object, including pseudo-header fields. */
  get headers () {
    if (this.#headers === undefined) this.#headers = this.#stream.requestHeaders
    return this.#headers
  }

  /** The fields as received: [name, value, name, value, ...]. */
  get rawHeaders () {
    if (this.#rawHeaders === undefined) this.#rawHeaders = this.#stream.rawRequestHeaders
    return this.#rawHeaders
  }

  /** The trailer fields; empty before 'end'. */
  get trailers () { return this.#trailers ?? (this.#trailers = {}) }

  /** The trailer fields as received. */
  get rawTrailers () { return this.#rawTrailers ?? (this.#rawTrailers = []) }

  get httpVersion () { return '2.0' }
  get httpVersionMajor () { return 2 }
  get httpVersionMinor () { return 0 }

  /** The method. Middleware may set it. */
  get method () {
    return this.#method ?? (this.#headers === undefined ? this.#stream.requestMethod : this.#headers[':method'])
  }

  set method (method) {
    if (typeof method !== 'string') throw wrongType('method', 'string', method)
    if (method.trim() === '') throw wrongValue('method', method)
    this.#method = method
  }

  /** The path with its query. Routers may set it. */
  get url () {
    return this.#url ?? (this.#headers === undefined ? this.#stream.requestPath : this.#headers[':path'])
  }

  set url (url) { this.#url = url }

  get scheme () { return this.headers[':scheme'] }

  /** The value of `:authority`, or of `host` if there is none. */
  get authority () { return this.headers[':authority'] ?? this.headers.host }

  /** The stand-in for a socket: the properties of its stream and session. */
  get socket () { return socketOf(this.#stream) }
  get connection () { return socketOf(this.#stream) }

  /** Whether the stream has ended before the response was complete. */
  get aborted () { return this.#aborted }

  /** Whether the body has ended. */
  get complete () { return this.#aborted || (isReadable(this) && this.readableEnded) || this.#closed || this.#stream.destroyed }

  /** Emits 'timeout' here and on the response after `ms` without activity. */
  setTimeout (ms, callback) {
    if (!this.#closed) this.#stream.setTimeout(ms, callback)
    return this
  }

  /** The request is used as a stream for the first time. */
  becameReadable () {
    if (this.#closed) this.#end()
  }

  _read () {
    if (this.#closed) return
    const stream = this.#stream
    if (!this.#reading) {
      this.#reading = true
      stream.on('data', onData)
    }
    // Later, because a read inside 'data' would be a read inside the stream's 'data'.
    process.nextTick(resume, stream)
  }

  /** The stream continues: a response may be outstanding, and the rest of the body is discarded. */
  _destroy (error, callback) {
    if (!this.#closed) this.#stream.resume()
    callback(error)
  }

  // ---- events of the stream ----

  [kTell.end] () {
    if (this.#reading && !this.readableEnded) this.push(null)
  }

  [kTell.trailers] (trailers, flags, raw) {
    Object.assign(this.trailers, trailers)
    this.rawTrailers.push(...raw)
  }

  [kTell.aborted] () {
    this.#aborted = true
    this.emit('aborted')
  }

  [kTell.timeout] () { this.emit('timeout') }
  [kTell.drain] () {}
  [kTell.wantTrailers] () {}

  [kTell.close] () {
    if (this.#closed) return
    this.#closed = true
    if (isReadable(this) && !this.readableEnded) this.#end()
    this.emit('close')
  }

  // The body has ended. As in Node.js, a request that nobody has read flows to its end.
  #end () {
    this.push(null)
    if (!this.#reading && this.readableFlowing !== false) this.resume()
  }
}

// A listener of the stream, added when the program reads.
function onData (chunk) {
  const request = requestOf(this)
  if (!request.destroyed && !request.push(chunk)) this.pause()
}

function resume (stream) { if (!stream.destroyed) stream.resume() }

module.exports = { Http2ServerRequest }
