'use strict'

// The stand-in for the socket of a TLS session: that of any session, with the result of
// the handshake.

const { X509Certificate } = require('node:crypto')
const { SessionSocket } = require('./socket.js')

/** For a connection that has ended before it could be asked. */
const NOTHING = Object.freeze({ version: '', cipher: '', alpn: '', serverName: '', clientError: '', resumed: false, certificates: [] })

/** The library's reasons against a client certificate, with the corresponding codes of OpenSSL. */
const OBJECTIONS = [
  [/expired/i, 'CERT_HAS_EXPIRED'],
  [/not ?valid ?yet/i, 'CERT_NOT_YET_VALID'],
  [/signature/i, 'CERT_SIGNATURE_FAILURE'],
  [/purpose/i, 'INVALID_PURPOSE']
]

/** OpenSSL's name of a TLS 1.2 cipher suite. Those of TLS 1.3 have their IANA names. */
function opensslName (name) {
  if (!name.includes('_WITH_')) return name
  return name.replace(/^TLS_/, '').replace('_WITH_', '_').replace(/AES_(\d+)/, 'AES$1').replace(/(POLY1305)_SHA256$/, '$1').replace(/_/g, '-')
}

class SecureSocket extends SessionSocket {
  #tls
  #asks

  /** `tls`: as in goaway's own API. `asks`: whether clients must send a certificate. */
  constructor (session, peer, tls, asks) {
    super(session, peer)
    this.#tls = { ...NOTHING, ...tls }
    this.#asks = asks
  }

  get encrypted () { return true }

  /** Whether the client's certificate is trusted; false if clients are not asked for one. */
  get authorized () { return this.#tls.certificates.length > 0 && this.#tls.clientError === '' }

  /** The reason if it is not trusted, as a code of OpenSSL; null if clients are not asked. */
  get authorizationError () {
    if (!this.#asks || this.authorized) return null
    const [first] = this.#tls.certificates
    if (first === undefined) return 'UNABLE_TO_GET_ISSUER_CERT'
    const known = OBJECTIONS.find(([words]) => words.test(this.#tls.clientError))
    if (known !== undefined) return known[1]
    const { subject, issuer } = new X509Certificate(first)
    return subject === issuer ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
  }

  /** The protocol selected by ALPN; false if the client did not offer any. */
  get alpnProtocol () { return this.#tls.alpn || false }

  /** The server name that the client has sent; false if it has sent none. */
  get servername () { return this.#tls.serverName || false }

  getProtocol () { return this.#tls.version || null }

  getCipher () {
    const { cipher, version } = this.#tls
    return cipher === '' ? undefined : { name: opensslName(cipher), standardName: cipher, version }
  }

  isSessionReused () { return this.#tls.resumed }

  /**
   * The client's certificate. With `detailed`, each certificate refers to its issuer's, as far as
   * the client has sent them. Empty if there is none.
   */
  getPeerCertificate (detailed = false) {
    const chain = this.#tls.certificates.map((der) => new X509Certificate(der).toLegacyObject())
    if (chain.length === 0) return {}
    if (detailed) chain.forEach((certificate, at) => { certificate.issuerCertificate = chain[at + 1] ?? certificate })
    return chain[0]
  }

  getPeerX509Certificate () {
    const [first] = this.#tls.certificates
    return first === undefined ? undefined : new X509Certificate(first)
  }
}

/** The socket of a connection that has ended before it became a session. */
function lostSocket (peer) {
  const socket = new SecureSocket({ info () {}, setTimeout () {}, close () {}, destroy () {} }, peer, NOTHING, false)
  socket.gone()
  return socket
}

module.exports = { SecureSocket, lostSocket }
