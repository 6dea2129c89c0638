'use strict'

// What stands for the socket of a session over TLS: as of any session, and what
// its handshake has come to.

const { X509Certificate } = require('node:crypto')
const { SessionSocket } = require('./socket.js')

/** Of a connection that has ended before anybody could ask. */
const NOTHING = Object.freeze({ version: '', cipher: '', alpn: '', serverName: '', clientError: '', resumed: false, certificates: [] })

/** Words of the library's objection to a client's certificate, and OpenSSL's code for the same. */
const OBJECTIONS = [
  [/expired/i, 'CERT_HAS_EXPIRED'],
  [/not ?valid ?yet/i, 'CERT_NOT_YET_VALID'],
  [/signature/i, 'CERT_SIGNATURE_FAILURE'],
  [/purpose/i, 'INVALID_PURPOSE']
]

/** OpenSSL's name of a cipher suite of TLS 1.2; those of 1.3 have IANA's. */
function opensslName (name) {
  if (!name.includes('_WITH_')) return name
  return name.replace(/^TLS_/, '').replace('_WITH_', '_').replace(/AES_(\d+)/, 'AES$1').replace(/(POLY1305)_SHA256$/, '$1').replace(/_/g, '-')
}

class SecureSocket extends SessionSocket {
  #tls
  #asks

  /** `tls`: as goaway's own interface tells it; `asks`: whether clients must show a certificate. */
  constructor (session, peer, tls, asks) {
    super(session, peer)
    this.#tls = { ...NOTHING, ...tls }
    this.#asks = asks
  }

  get encrypted () { return true }

  /** Whether an authority vouches for the client's certificate; false if it was not asked for one. */
  get authorized () { return this.#tls.certificates.length > 0 && this.#tls.clientError === '' }

  /** Why not, as OpenSSL's code; null if clients are not asked. */
  get authorizationError () {
    if (!this.#asks || this.authorized) return null
    const [first] = this.#tls.certificates
    if (first === undefined) return 'UNABLE_TO_GET_ISSUER_CERT'
    const known = OBJECTIONS.find(([words]) => words.test(this.#tls.clientError))
    if (known !== undefined) return known[1]
    const { subject, issuer } = new X509Certificate(first)
    return subject === issuer ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'
  }

  /** What ALPN has chosen; false if the client did not ask. */
  get alpnProtocol () { return this.#tls.alpn || false }

  /** The name that the client asked for; false if it named none. */
  get servername () { return this.#tls.serverName || false }

  getProtocol () { return this.#tls.version || null }

  getCipher () {
    const { cipher, version } = this.#tls
    return cipher === '' ? undefined : { name: opensslName(cipher), standardName: cipher, version }
  }

  isSessionReused () { return this.#tls.resumed }

  /** The client's certificate; with `detailed` each has its issuer's, as far as the client has shown them. Empty if there is none. */
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

/** The socket of a connection that has ended before it was a session. */
function lostSocket (peer) {
  const socket = new SecureSocket({ info () {}, setTimeout () {}, close () {}, destroy () {} }, peer, NOTHING, false)
  socket.gone()
  return socket
}

module.exports = { SecureSocket, lostSocket }
