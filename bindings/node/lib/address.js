'use strict'

// Addresses to listen on, and sockets that several processes share.

const { closeSync, lstatSync, unlinkSync } = require('node:fs')
const { resolve } = require('node:path')
const { inspect } = require('node:util')
const native = require('./native.js')
const { checkOptions } = require('./options.js')
const { GoawayError, check } = require('./errors.js')

/** How the values of an address are checked and written. Each gives undefined for what cannot be. */
const whole = (value) => Number.isInteger(value) && value >= 0 ? String(value) : undefined
const octal = (value) => Number.isInteger(value) && value >= 0 ? value.toString(8) : undefined
const flag = (value) => typeof value === 'boolean' ? String(Number(value)) : undefined
const word = (value) => typeof value === 'string' && /^[^?&\0]*$/.test(value) ? value : undefined
const words = (value) => [value].flat().every((one) => word(one) !== undefined) ? String(value) : undefined

/** The options of an address by their names here: what the library calls them, and how it writes their values. */
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
/** Where it listens: one of these, by the names that may say it. */
const PLACES = { fd: ['fd'], systemd: ['systemd'], path: ['path'], port: ['host', 'port'] }
const KNOWN = [...Object.values(PLACES).flat(), ...Object.keys(OPTIONS), 'tls']

const invalid = (text) => new GoawayError('GOAWAY_ERR_INVALID', text)

function written (name, value, write) {
  const text = write(value)
  if (text === undefined) throw invalid(`the option "${name}" of an address cannot be ${inspect(value)}`)
  return text
}

/** "127.0.0.1:8080" of what may be a port, { host, port }, { path }, { fd } or { systemd }, with options. */
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

/** A path as the library takes it; '\\0name' and '@name' are names without a file. */
function pathText (path) {
  const text = /^[\0@]/.test(path) ? `@${path.slice(1)}` : resolve(path)
  return text.replace(/[%?]/g, encodeURIComponent)
}

/**
 * A socket that listens for other processes, and from which this one does not
 * accept. They inherit `fd` (cluster.setupPrimary's or spawn's `stdio`) and
 * serve on it: `server.start({ bind: { fd } })`. Connections wait in the kernel
 * for whichever process takes them; one that leaves loses none.
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
   * Gives the socket up here; processes that inherited it go on, but nobody
   * finds a Unix socket any more, since its file is removed if it still is its own.
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
