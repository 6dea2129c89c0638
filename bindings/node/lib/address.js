'use strict'

// Addresses to listen on, and sockets that several processes share.

const { closeSync, lstatSync, unlinkSync } = require('node:fs')
const { resolve } = require('node:path')
const native = require('./native.js')
const { check } = require('./errors.js')

/** The options of an address by their names here, and how the library writes their values. */
const flag = (value) => value ? 1 : 0
const OPTIONS = {
  __proto__: null,
  backlog: ['backlog', String],
  reusePort: ['reuseport', flag],
  ipv6Only: ['ipv6only', flag],
  mode: ['mode', (mode) => mode.toString(8)],
  keepalive: ['keepalive', String],
  keepaliveInterval: ['keepalive_interval', String],
  keepaliveCount: ['keepalive_count', String],
  proxy: ['proxy', String],
  proxyMs: ['proxy_ms', String]
}

/** "127.0.0.1:8080" of what may be a port, { host, port }, { path } or { fd }, with options. */
function addressText (address) {
  if (typeof address === 'string') return address
  if (typeof address === 'number') return `127.0.0.1:${address}`
  const query = Object.keys(OPTIONS).filter((name) => address[name] !== undefined)
    .map((name) => `${OPTIONS[name][0]}=${OPTIONS[name][1](address[name])}`)
  return placeText(address) + (query.length > 0 ? `?${query.join('&')}` : '')
}

function placeText ({ host = '127.0.0.1', port = 0, path, fd }) {
  if (fd !== undefined) return `fd:${fd}`
  if (path !== undefined) return `unix:${pathText(path)}`
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`
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
