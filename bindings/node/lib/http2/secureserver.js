'use strict'

// The server of createSecureServer: TLS, HTTP/2, and HTTP/1.1 if the program allows it.

const { GoawayError } = require('../errors.js')
// For its checks of options.
const { createSecureServer: createNodeSecureServer } = require('./original.js')
const { failure } = require('./errors.js')
const { Http2Server } = require('./server.js')
const { prepare } = require('./http1.js')
const { tlsOf, withoutTls } = require('./secureoptions.js')
const { lostSocket } = require('./securesocket.js')

function isOptions (options) {
  return typeof options === 'object' && options !== null && !Array.isArray(options)
}

class Http2SecureServer extends Http2Server {
  #tls
  #given // the options of TLS that hold
  #contexts = new Map() // by name, what addContext was given

  constructor (options, onRequest) {
    const tls = isOptions(options) ? tlsOf(options) : undefined
    super(options, onRequest, (options) => createNodeSecureServer(isOptions(options) ? withoutTls(options) : options))
    this.#tls = tls ?? tlsOf({})
    this.#given = { ...options }
    if (options?.allowHTTP1 === true) prepare(this)
  }

  /** The TLS settings of the listeners. */
  get tls () { return this.#tls }

  /** Whether clients are asked for a certificate. */
  get asksClients () { return Boolean(this.#given.requestCert) || (this.#given.clients ?? 'off') !== 'off' }

  get isSecure () { return true }

  /**
   * Replaces the certificates for new handshakes. Open sessions continue. Invalid ones throw, and
   * nothing changes.
   */
  setSecureContext (options) {
    if (!isOptions(options)) throw new GoawayError('GOAWAY_ERR_INVALID', 'setSecureContext wants an object of options')
    const { requestCert, rejectUnauthorized, clients } = this.#given
    const given = { requestCert, rejectUnauthorized, clients, ...options }
    this.#tls.replace(tlsOf(given, this.#contexts))
    this.#given = given
  }

  /**
   * Sets the certificate for clients that send this server name. A leading `*` matches one label.
   * `context` has the options cert and key. A later context for a name replaces an earlier one, and
   * an exact name takes precedence over a wildcard.
   */
  addContext (name, context) {
    if (typeof name !== 'string' || name === '') throw new GoawayError('GOAWAY_ERR_INVALID', 'addContext wants the name that clients ask for')
    if (!isOptions(context) || (context.cert === undefined && context.certFile === undefined)) {
      throw new GoawayError('GOAWAY_ERR_INVALID', "addContext wants an object with cert and key: a context of OpenSSL's cannot be read")
    }
    const { cert, key, certFile, keyFile, passphrase } = context
    const contexts = new Map(this.#contexts)
    contexts.delete(name.toLowerCase()) // the newest is the last
    contexts.set(name.toLowerCase(), { cert, key, certFile, keyFile, passphrase })
    this.#tls.replace(tlsOf(this.#given, contexts))
    this.#contexts = contexts
  }

  getTicketKeys () { throw failure('ERR_METHOD_NOT_IMPLEMENTED', 'getTicketKeys') }
  setTicketKeys () { throw failure('ERR_METHOD_NOT_IMPLEMENTED', 'setTicketKeys') }

  /**
   * A connection has ended before HTTP. `secured` is its session, if the TLS handshake was
   * complete.
   */
  onLost (peer, cause, text, secured) {
    if (secured !== null) {
      // The client has selected no protocol, and has sent nothing in time.
      const isSilent = cause === 'handshake_timeout' && !secured.rawSocket.alpnProtocol && !this.#given.allowHTTP1
      if (cause === 'protocol_error' || isSilent) this.emit('unknownProtocol', secured.rawSocket)
    } else if (cause === 'tls') {
      this.emit('tlsClientError', new GoawayError('GOAWAY_ERR_TLS', text ?? 'the TLS handshake failed'), lostSocket(peer))
    } else if (cause === 'handshake_timeout') {
      const error = Object.assign(new Error('the connection did not become a session in time'), { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' })
      this.emit('tlsClientError', error, lostSocket(peer))
    }
  }
}

module.exports = { Http2SecureServer }
