'use strict'

// Converts the TLS options of Node.js for the library. Options that it does not support
// are refused by name, so that nobody relies on them.

const nodeTls = require('node:tls')
const { constants } = require('node:crypto')
const { GoawayError } = require('../errors.js')
const { Tls, addNamed, allowNoCertificate } = require('../tls.js')

const invalid = (message) => new GoawayError('GOAWAY_ERR_INVALID', message)

/** Options that Tls has under the same names. */
const SAME = [
  'cert', 'key', 'passphrase', 'certFile', 'keyFile', 'ca', 'caFile', 'clients', 'requestCert', 'rejectUnauthorized',
  'minVersion', 'resumption', 'keyLog'
]

/** The protocols of goaway (RFC 7301). */
const PROTOCOLS = ['h2', 'http/1.1']

/** Bits of secureOptions that request the library's normal behaviour. */
const GIVEN = constants.SSL_OP_NO_SSLv2 | constants.SSL_OP_NO_SSLv3 | constants.SSL_OP_NO_TLSv1 | constants.SSL_OP_NO_TLSv1_1 |
  constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_CIPHER_SERVER_PREFERENCE | constants.SSL_OP_NO_RENEGOTIATION |
  constants.SSL_OP_SINGLE_DH_USE | constants.SSL_OP_SINGLE_ECDH_USE

/**
 * For each refused option: the reason, and a function that accepts values which request the normal
 * behaviour.
 */
const REFUSED = {
  __proto__: null,
  pfx: ['`openssl pkcs12 -in FILE -nodes` makes PEM of it, for cert and key'],
  SNICallback: ['certificates are chosen by the names in them: give arrays of cert and key, or use addContext'],
  ALPNCallback: ['h2 is chosen, or http/1.1 with allowHTTP1'],
  ciphers: ['those of TLS 1.3 and the ECDHE suites with AEAD of TLS 1.2 are spoken (docs/tls.md)'],
  honorCipherOrder: ["the server's order counts", (value) => value === true],
  ecdhCurve: ['X25519MLKEM768, X25519, P-256 and P-384 are spoken', (value) => value === 'auto'],
  sigalgs: ['they are those of rustls'],
  dhparam: ['keys are exchanged by elliptic curves', (value) => value === 'auto'],
  maxVersion: ['TLS 1.3 is the highest', (value) => value === 'TLSv1.3'],
  secureProtocol: ['say minVersion'],
  secureOptions: ['they are those of OpenSSL', (value) => Number.isInteger(value) && (value & ~GIVEN) === 0],
  crl: ['revocation is not looked at'],
  sessionTimeout: ["tickets live as long as the library's keys for them"],
  ticketKeys: ["the keys of tickets are the process's own"],
  sessionIdContext: ["sessions are resumed by tickets, whose keys are the process's own"],
  pskCallback: ['certificates only'],
  pskIdentityHint: ['certificates only'],
  privateKeyEngine: ['there is no OpenSSL'],
  privateKeyIdentifier: ['there is no OpenSSL'],
  clientCertEngine: ['there is no OpenSSL'],
  enableTrace: ['keyLog writes what Wireshark needs', (value) => value === false],
  secureContext: ["a context of OpenSSL's cannot be read: give cert and key"],
  allowPartialTrustChain: ['the authority itself must be among ca', (value) => value === false],
  Http1IncomingMessage: ["requests of HTTP/1.1 are node:http's own"],
  Http1ServerResponse: ["responses in HTTP/1.1 are node:http's own"]
}

/** Throws for an option that is not supported. */
function checkRefused (options) {
  for (const name in REFUSED) {
    const value = options[name]
    const [reason, isGiven] = REFUSED[name]
    if (value === undefined || value === null || isGiven?.(value)) continue
    throw invalid(`createSecureServer of goaway/http2 does not take ${name}: ${reason}`)
  }
}

// A client that offers h2 gets it. In Node.js, too, only allowHTTP1 decides.
function checkProtocols (wanted) {
  if (wanted === undefined) return
  if (!Array.isArray(wanted)) throw invalid('ALPNProtocols is no array of names')
  const strange = wanted.find((name) => !PROTOCOLS.includes(String(name)))
  if (strange !== undefined) throw invalid(`ALPNProtocols has ${strange}, which goaway does not speak`)
}

/** The default authorities for client certificates: those of Node.js. */
function defaultAuthorities () {
  return nodeTls.getCACertificates?.('default') ?? nodeTls.rootCertificates
}

/**
 * Creates the library's TLS settings from the options of createSecureServer and the contexts by
 * name. Throws for options that are not supported.
 */
function tlsOf (options, contexts = new Map()) {
  checkRefused(options)
  checkProtocols(options.ALPNProtocols)
  const given = {}
  for (const name of SAME) if (options[name] !== undefined && options[name] !== null) given[name] = options[name]
  if (given.requestCert && given.ca === undefined && given.caFile === undefined) given.ca = [...defaultAuthorities()]
  const tls = new Tls(given)
  for (const [name, context] of contexts) addNamed(tls, name, context)
  allowNoCertificate(tls) // as Node.js: setSecureContext or addContext may bring one
  return tls
}

/** The options without those of TLS, for the checks of Node.js. */
function withoutTls (options) {
  const others = { ...options }
  for (const name of [...SAME, 'ALPNProtocols', ...Object.keys(REFUSED)]) delete others[name]
  return others
}

module.exports = { tlsOf, withoutTls }
