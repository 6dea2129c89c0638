'use strict'

// TLS settings and certificates of listeners.

const native = require('./native.js')
const { GoawayError, check: checkStatus } = require('./errors.js')
const { showLog } = require('./log.js')

/** goaway_tls_clients and goaway_tls_version of goaway.h. */
const CLIENTS = { __proto__: null, off: 0, optional: 1, required: 2, unverified: 3 }
const VERSIONS = { __proto__: null, 'TLSv1.2': 0x0303, 'TLSv1.3': 0x0304 }
const KNOWN = new Set([
  'cert', 'key', 'passphrase', 'certFile', 'keyFile', 'ca', 'caFile', 'clients', 'requestCert', 'rejectUnauthorized',
  'minVersion', 'resumption', 'keyLog'
])

/** Throws if a call has failed. The lines that it has logged are shown at once. */
function check (status) {
  showLog()
  checkStatus(status)
}

const invalid = (message) => new GoawayError('GOAWAY_ERR_INVALID', message)

/** PEM as a Buffer, from a string, a Uint8Array, or an array of them. */
function pem (value, name) {
  if (Array.isArray(value)) return Buffer.concat(value.flatMap((one) => [pem(one, name), Buffer.from('\n')]))
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  throw invalid(`${name} is neither a string nor a Buffer`)
}

/** Calls `add()` for each member of a list. An error names the member. */
function addMember (name, list, at, add) {
  try {
    check(add())
  } catch (error) {
    if (list.length > 1) error.message = `${name}[${at}]: ${error.message}`
    throw error
  }
}

function listOf (value) {
  return value === undefined ? [] : [value].flat()
}

/** The native object for settings, or for their options. */
let nativeOf
/** Allows listeners without a certificate. Handshakes fail until there is one. */
let allowNoCertificate
/** Adds certificates (cert, key, passphrase) that are for clients that ask for that name, and for no others. */
let addNamed

class Tls {
  /** The native object. */
  #native = new native.Tls()

  /**
   * Settings for `server.listen({ port, tls })`. A certificate is given as
   * `cert` and `key`, PEM in strings or Buffers (arrays: one certificate each),
   * or as `certFile` and `keyFile`, which `reload` reads again; `passphrase` is
   * what the key is encrypted with. Clients are asked for theirs by
   * `clients: 'optional' | 'required' | 'unverified'` (or, as node:tls has it,
   * `requestCert` and `rejectUnauthorized`) with `ca` or `caFile`.
   */
  constructor (options = {}) {
    if (options.pfx !== undefined) throw invalid('pfx is not taken: `openssl pkcs12 -in FILE -nodes` makes PEM of it')
    const strange = Object.keys(options).find((name) => options[name] !== undefined && !KNOWN.has(name))
    if (strange !== undefined) throw invalid(`there is no TLS option "${strange}"`)
    this.#add(options)
    this.#ask(options)
    const { minVersion = 'TLSv1.2', resumption = true, keyLog } = options
    if (VERSIONS[minVersion] === undefined) throw invalid(`minVersion is ${minVersion}, not TLSv1.2 or TLSv1.3`)
    check(this.#native.setMinVersion(VERSIONS[minVersion]))
    check(this.#native.setResumption(Boolean(resumption)))
    if (keyLog !== undefined) check(this.#native.setKeyLog(keyLog))
  }

  #add ({ cert, key, certFile, keyFile, passphrase }, added = () => {}) {
    const [certs, keys, files, keyFiles] = [cert, key, certFile, keyFile].map(listOf)
    if (keys.length > 0 && keys.length !== certs.length) throw invalid(`there are ${certs.length} cert and ${keys.length} key`)
    if (keyFiles.length > 0 && keyFiles.length !== files.length) throw invalid(`there are ${files.length} certFile and ${keyFiles.length} keyFile`)
    certs.forEach((cert, at) => {
      const given = keys[at] ?? cert
      const single = given?.pem === undefined ? { pem: given } : given // node:tls also has { pem, passphrase }
      addMember('cert', certs, at, () => this.#native.addPem(pem(cert, 'cert'), pem(single.pem, 'key'), single.passphrase ?? passphrase))
      added()
    })
    files.forEach((file, at) => {
      addMember('certFile', files, at, () => this.#native.addFiles(file, keyFiles[at] ?? file, passphrase))
      added()
    })
  }

  #ask ({ clients, requestCert, rejectUnauthorized, ca, caFile }) {
    if (ca !== undefined && caFile !== undefined) throw invalid('there are both ca and caFile')
    const asked = clients ?? (requestCert ? (rejectUnauthorized === false ? 'unverified' : 'required') : 'off')
    if (CLIENTS[asked] === undefined) throw invalid(`clients is ${asked}, not ${Object.keys(CLIENTS).join(', ')}`)
    if (asked !== 'off') check(this.#native.setClients(CLIENTS[asked], ca === undefined ? caFile : pem(ca, 'ca')))
  }

  /** Has new handshakes use the files as they are now. If one cannot be used it throws, and nothing changes. */
  reload () { check(this.#native.reload()) }

  /** Has new handshakes use what another, or its options, say: for what comes from memory. */
  replace (other) { check(this.#native.replace(nativeOf(other))) }

  static {
    nativeOf = (tls) => (tls instanceof Tls ? tls : new Tls(tls)).#native
    addNamed = (tls, name, options) => tls.#add(options, () => check(tls.#native.setServerName(name)))
    allowNoCertificate = (tls) => check(tls.#native.setCertificateRequired(false))
  }
}

module.exports = { Tls, nativeOf, addNamed, allowNoCertificate }
