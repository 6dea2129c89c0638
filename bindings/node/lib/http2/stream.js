'use strict'

// The streams that a program gets, with responses from files and server push.

const { inspect } = require('node:util')
const { failure, checkFunction, checkOptions } = require('./errors.js')
const { sentObject } = require('./headers.js')
const { ExchangeStream } = require('./exchangestream.js')
const { checkHeaders, isBodyless } = require('./responsehead.js')
const { answerFile, answerDescriptor, checkFileOptions, checkDescriptor } = require('./file.js')
const { push } = require('./push.js')

class ServerHttp2Stream extends ExchangeStream {
  #hub

  constructor (hub, record) {
    super(hub, record)
    this.#hub = hub
  }

  /** Whether the peer accepts pushed streams. A draining session does not push. */
  get pushAllowed () {
    return this.live && !this.writableFinished && !this.destroyed && !this.closed && !this.drains && !this.#hub.closing && this.owner?.takesPush === true
  }

  /** Responds with the file at this path. */
  respondWithFile (path, headers, options) {
    this.expectOpen()
    if (this.headersSent) throw failure('ERR_HTTP2_HEADERS_SENT')
    const given = checkFileOptions(options)
    this.giveHead(() => answerFile(this, path, this.#fileHeaders(headers), given))
  }

  /** Responds with the contents of a descriptor, which stays open. */
  respondWithFD (fd, headers, options) {
    this.expectOpen()
    if (this.headersSent) throw failure('ERR_HTTP2_HEADERS_SENT')
    const given = checkFileOptions(options)
    checkDescriptor(fd)
    this.giveHead(() => answerDescriptor(this, fd, this.#fileHeaders(headers), given))
  }

  // A copy, which statCheck may change.
  #fileHeaders (headers) {
    checkHeaders(headers)
    const copy = sentObject(headers)
    const status = copy[':status'] === undefined ? 200 : copy[':status'] | 0 || 200
    if (status < 200 || status > 599) throw failure('ERR_HTTP2_STATUS_INVALID', copy[':status'])
    if (isBodyless(status) || this.headRequest) throw failure('ERR_HTTP2_PAYLOAD_FORBIDDEN', status)
    return copy
  }

  /** No effect: RFC 9113 has no priorities of this kind (section 5.3.2). */
  priority () { this.expectOpen() }

  [inspect.custom] (depth, options) {
    if (depth < 0) return this
    const { id, closed, destroyed, state, _readableState: readableState, _writableState: writableState } = this
    return `ServerHttp2Stream ${inspect({ id, closed, destroyed, state, readableState, writableState }, { ...options, depth })}`
  }

  // ---- server push ----

  /** Pushes a response (RFC 9113, section 8.4). */
  pushStream (headers, options, callback) {
    if (this.isPushed) throw failure('ERR_HTTP2_NESTED_PUSH')
    if (!this.pushAllowed) throw failure('ERR_HTTP2_PUSH_DISABLED')
    if (typeof options === 'function') {
      callback = options
      options = undefined
    }
    checkFunction(callback, 'callback')
    checkOptions(options, 'options')
    checkHeaders(headers)
    push(this, this.#hub, headers, callback, (record) => new ServerHttp2Stream(this.#hub, record))
  }
}

module.exports = { ServerHttp2Stream }
