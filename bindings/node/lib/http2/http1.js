'use strict'

// Requests of HTTP/1.1 in the compatibility API, for a server that allows them:
// with the members of the same classes, but for what HTTP/1.1 does not have, and
// with what it has. By their class they are node:http's, as programs ask.

const { IncomingMessage, ServerResponse, STATUS_CODES } = require('node:http')
const { LazyReadable } = require('./lazy.js')
const { Http2ServerRequest } = require('./request.js')
const { Http2ServerResponse } = require('./response.js')

const kStream = Symbol('stream')

/** Fields of the connection, which the library says by itself (RFC 9110, section 7.6.1). */
const OF_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'])

class Http1ServerRequest extends Http2ServerRequest {
  #minor
  #own
  #fields = null
  #raw = null

  constructor (stream) {
    super(stream)
    this.#own = stream
    this.#minor = stream.isHttp10 ? 0 : 1
  }

  /** Of HTTP/2 only. */
  get stream () { return undefined }

  get httpVersion () { return `1.${this.#minor}` }
  get httpVersionMajor () { return 1 }
  get httpVersionMinor () { return this.#minor }

  /** The headers object; no pseudo-header fields are in it. */
  get headers () {
    if (this.#fields === null) {
      this.#fields = {}
      const all = this.#own.requestHeaders
      for (const name of Object.keys(all)) if (name[0] !== ':') this.#fields[name] = all[name]
    }
    return this.#fields
  }

  /** The fields as they came, with their names in lower case. */
  get rawHeaders () {
    if (this.#raw === null) {
      const all = this.#own.rawRequestHeaders
      this.#raw = []
      for (let at = 0; at < all.length; at += 2) if (all[at][0] !== ':') this.#raw.push(all[at], all[at + 1])
    }
    return this.#raw
  }
}

class Http1ServerResponse extends Http2ServerResponse {
  #message
  #hasTrailers = false

  constructor (stream) {
    super(stream)
    this[kStream] = stream
  }

  /** Of HTTP/2 only. */
  get stream () { return undefined }

  /** What was set, or the usual words: which are what the client gets. */
  get statusMessage () { return this.#message ?? STATUS_CODES[this.statusCode] }
  set statusMessage (message) { this.#message = String(message) }

  setHeader (name, value) {
    return this.#isOfConnection(name, value) ? this : super.setHeader(name, value)
  }

  appendHeader (name, value) {
    return this.#isOfConnection(name, value) ? this : super.appendHeader(name, value)
  }

  writeHead (status, message, headers) {
    if (typeof message === 'string') this.#message = message
    else headers ??= message
    return super.writeHead(status, this.#withoutConnection(headers))
  }

  setTrailer (name, value) {
    super.setTrailer(name, value)
    this.#hasTrailers = true
  }

  /** An answer that is given whole says how long it is, unless trailers follow. */
  end (chunk, encoding, callback) {
    const isWhole = !this.headersSent && !this.writableEnded && !this.#hasTrailers && !this.hasHeader('content-length')
    if (isWhole && (typeof chunk === 'string' || chunk instanceof Uint8Array)) {
      this.setHeader('content-length', Buffer.byteLength(chunk, typeof encoding === 'string' ? encoding : undefined))
    }
    return super.end(chunk, encoding, callback)
  }

  #withoutConnection (headers) {
    if (headers === undefined || headers === null) return undefined
    if (!Array.isArray(headers)) {
      return Object.fromEntries(Object.entries(headers).filter(([name, value]) => !this.#isOfConnection(name, value)))
    }
    const flat = Array.isArray(headers[0]) ? headers.flat(1) : headers
    const kept = []
    for (let at = 0; at < flat.length; at += 2) {
      if (!this.#isOfConnection(flat[at], flat[at + 1])) kept.push(...flat.slice(at, at + 2))
    }
    return kept
  }

  removeHeader (name) {
    if (typeof name === 'string' && name.toLowerCase() === 'connection') this[kStream].endsConnection = false
    super.removeHeader(name)
  }

  // That the connection closes behind the answer is for the program to say.
  #isOfConnection (name, value) {
    if (typeof name !== 'string' || !OF_CONNECTION.has(name.toLowerCase())) return false
    if (name.toLowerCase() === 'connection') this[kStream].endsConnection = /(^|,)\s*close\s*(,|$)/i.test(String(value))
    return true
  }
}

/** What a class inherits stays, but as instances of `Ancestor`, whose own members stand behind. */
function graft (Class, Ancestor, ...layers) {
  const parent = layers.reduceRight((base, layer) => Object.create(base, Object.getOwnPropertyDescriptors(layer.prototype)), Ancestor.prototype)
  Object.setPrototypeOf(Class.prototype, parent)
}

graft(Http1ServerRequest, IncomingMessage, Http2ServerRequest, LazyReadable)
graft(Http1ServerResponse, ServerResponse, Http2ServerResponse)

/** The stream of a response of either version. */
function streamOf (response) {
  return response[kStream] ?? response.stream
}

module.exports = { Http1ServerRequest, Http1ServerResponse, streamOf }
