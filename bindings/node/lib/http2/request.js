'use strict'

// A request of the compatibility API: what `request` listeners get first.

const { LazyReadable, isReadable } = require('./lazy.js')
const { attachRequest, requestOf, kTell } = require('./attach.js')
const { socketOf } = require('./streamsocket.js')
const { wrongType, wrongValue } = require('./errors.js')

/** Its end is told by the stream's, once, whoever destroys it. */
const OPTIONS = { autoDestroy: false, emitClose: false }

/** A request as node:http has it, read from a stream of HTTP/2. */
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

  /** `headers` and `rawHeaders` may be left out: then they are the stream's. */
  constructor (stream, headers, options, rawHeaders) {
    super()
    this.#options = options
    this.#stream = stream
    this.#headers = headers
    this.#rawHeaders = rawHeaders
    attachRequest(stream, this)
  }

  /** What it is made a Readable with. */
  get readableOptions () { return this.#options === undefined ? OPTIONS : { ...this.#options, ...OPTIONS } }

  /** The stream that it came on. */
  get stream () { return this.#stream }

  /** The headers object, the pseudo-header fields among them. */
  get headers () {
    if (this.#headers === undefined) this.#headers = this.#stream.requestHeaders
    return this.#headers
  }

  /** The fields as they came: [name, value, name, value, ...]. */
  get rawHeaders () {
    if (this.#rawHeaders === undefined) this.#rawHeaders = this.#stream.rawRequestHeaders
    return this.#rawHeaders
  }

  /** The trailer fields; empty before 'end'. */
  get trailers () { return this.#trailers ?? (this.#trailers = {}) }

  /** They as they came. */
  get rawTrailers () { return this.#rawTrailers ?? (this.#rawTrailers = []) }

  get httpVersion () { return '2.0' }
  get httpVersionMajor () { return 2 }
  get httpVersionMinor () { return 0 }

  /** The method; it can be set, as middleware does. */
  get method () {
    return this.#method ?? (this.#headers === undefined ? this.#stream.requestMethod : this.#headers[':method'])
  }

  set method (method) {
    if (typeof method !== 'string') throw wrongType('method', 'string', method)
    if (method.trim() === '') throw wrongValue('method', method)
    this.#method = method
  }

  /** The path with its query; it can be set, as routers do. */
  get url () {
    return this.#url ?? (this.#headers === undefined ? this.#stream.requestPath : this.#headers[':path'])
  }

  set url (url) { this.#url = url }

  get scheme () { return this.headers[':scheme'] }

  /** From `:authority`, or `host` if there is none. */
  get authority () { return this.headers[':authority'] ?? this.headers.host }

  /** Stands for a socket: what there is of one in a stream and its session. */
  get socket () { return socketOf(this.#stream) }
  get connection () { return socketOf(this.#stream) }

  /** Whether the stream ended before the answer had. */
  get aborted () { return this.#aborted }

  /** Whether nothing more comes. */
  get complete () { return this.#aborted || (isReadable(this) && this.readableEnded) || this.#closed || this.#stream.destroyed }

  /** After so many ms without activity 'timeout' is emitted, here and on the response. */
  setTimeout (ms, callback) {
    if (!this.#closed) this.#stream.setTimeout(ms, callback)
    return this
  }

  /** Somebody looks at it as a stream for the first time. */
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
    // Later: a read within 'data' would be one within the stream's.
    process.nextTick(resume, stream)
  }

  /** The stream lives on: there may be an answer to send, and the rest of the body to discard. */
  _destroy (error, callback) {
    if (!this.#closed) this.#stream.resume()
    callback(error)
  }

  // ---- what its stream tells ----

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

  // There is nothing more to read. As in Node.js one that nobody has read flows to its end.
  #end () {
    this.push(null)
    if (!this.#reading && this.readableFlowing !== false) this.resume()
  }
}

// A listener of the stream, once somebody reads.
function onData (chunk) {
  const request = requestOf(this)
  if (!request.destroyed && !request.push(chunk)) this.pause()
}

function resume (stream) { if (!stream.destroyed) stream.resume() }

module.exports = { Http2ServerRequest }
