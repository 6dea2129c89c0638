'use strict'

// Addresses to listen on, and sockets that several processes share.

const { closeSync, lstatSync, unlinkSync } = require('node:fs')
const { resolve } = require('node:path')
const { inspect } = require('node:util')
const native = require('./native.js')
const { checkOptions } = require('./options.js')
const { GoawayError, check } = require('./errors.js')

/**
 * How the values of an address are checked and written. Each function returns undefined for an
 * invalid value.
 */
const whole = (value) => Number.isInteger(value) && value >= 0 ? String(value) : undefined
const octal = (value) => Number.isInteger(value) && value >= 0 ? value.toString(8) : undefined
const flag = (value) => typeof value === 'boolean' ? String(Number(value)) : undefined
const word = (value) => typeof value === 'string' && /^[^?&\0]*$/.test(value) ? value : undefined
const words = (value) => [value].flat().every((one) => word(one) !== undefined) ? String(value) : undefined

/** The options of an address: the name in the library and the format of the value. */
const OPTIONS = {
  __proto__: null,
  backlog: ['backlog', whole],
  reusePort: ['reuseport', flag],
  ipv6Only: ['ipv6only', flag],
  mode: ['mode', octal],
  keepalive: ['keepalive', whole],
  keepaliveInterval: ['keepalive_interval', whole],
  keepaliveCount: ['keepalive_count', whole],
  proxy: ['proxy', words],
  proxyMs: ['proxy_ms', whole],
  health: ['health', flag]
}
/** The kinds of addresses, by the names that select them. */
const PLACES = { fd: ['fd'], systemd: ['systemd'], path: ['path'], port: ['host', 'port'] }
const KNOWN = [...Object.values(PLACES).flat(), ...Object.keys(OPTIONS), 'tls']

const invalid = (text) => new GoawayError('GOAWAY_ERR_INVALID', text)

function written (name, value, write) {
  const text = write(value)
  if (text === undefined) throw invalid(`the option "${name}" of an address cannot be ${inspect(value)}`)
  return text
}

/**
 * Converts an address to the text for the library, such as "127.0.0.1:8080". It may be a port, {
 * host, port }, { path }, { fd } or { systemd }, with options.
 */
function addressText (address) {
  if (typeof address === 'string') return address
  if (typeof address === 'number') return `127.0.0.1:${address}`
  checkOptions(address, KNOWN, 'an address')
  const query = Object.keys(OPTIONS).filter((name) => address[name] !== undefined)
    .map((name) => `${OPTIONS[name][0]}=${written(name, address[name], OPTIONS[name][1])}`)
  return placeText(address) + (query.length > 0 ? `?${query.join('&')}` : '')
}

function placeText (address) {
  const places = Object.values(PLACES).filter((names) => names.some((name) => address[name] !== undefined))
  if (places.length > 1) throw invalid(`an address is one place, not ${places.flat().filter((name) => address[name] !== undefined).join(' and ')}`)
  const { host = '127.0.0.1', port = 0, path, fd, systemd } = address
  if (fd !== undefined) return `fd:${written('fd', fd, whole)}`
  if (systemd !== undefined) return `systemd:${written('systemd', systemd, word)}`
  if (path !== undefined) return `unix:${pathText(written('path', path, (path) => typeof path === 'string' ? path : undefined))}`
  const name = written('host', host, word)
  return `${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${written('port', port, whole)}`
}

/** Converts a path. '\\0name' and '@name' are abstract names, without a file. */
function pathText (path) {
  const text = /^[\0@]/.test(path) ? `@${path.slice(1)}` : resolve(path)
  return text.replace(/[%?]/g, encodeURIComponent)
}

/**
 * A socket that listens for other processes. This process does not accept connections from it.
 * Child processes inherit `fd` (`stdio` of cluster.setupPrimary or spawn) and serve on it:
 * `server.start({ bind: { fd } })`. Connections wait in the kernel for whichever process accepts
 * them; a process that ends loses none.
 */
class Listener {
  #file

  constructor (address) {
    if (address?.tls !== undefined) throw invalid('a Listener has no option "tls": whoever serves on it has')
    const made = native.listenSocket(addressText(address))
    if (typeof made === 'number') check(made)
    this.fd = made.fd
    this.port = made.port
    this.address = made.address
    this.closed = false
    const path = made.address.startsWith('unix:/') ? made.address.slice('unix:'.length) : undefined
    if (path !== undefined) this.#file = { path, ...identity(path) }
  }

  /**
   * Closes the socket in this process. Processes that have inherited it continue. The file of a
   * Unix socket is removed if it is still the one of this socket, so new clients do not find it.
   */
  close () {
    if (this.closed) return
    this.closed = true
    const found = this.#file && identity(this.#file.path)
    if (found?.ino === this.#file?.ino && found?.dev === this.#file?.dev && found !== undefined) unlinkSync(this.#file.path)
    closeSync(this.fd)
  }
}

function identity (path) {
  const found = lstatSync(path, { throwIfNoEntry: false })
  return found && { dev: found.dev, ino: found.ino }
}

module.exports = { addressText, Listener }
