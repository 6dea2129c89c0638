'use strict'

// Addresses to listen on, and sockets that several processes share.

const { closeSync } = require('node:fs')
const { getSystemErrorName } = require('node:util')
const native = require('./native.js')
const { GoawayError } = require('./errors.js')

const CODES = {
  EADDRINUSE: 'GOAWAY_ERR_ADDRESS_IN_USE',
  EADDRNOTAVAIL: 'GOAWAY_ERR_ADDRESS',
  EACCES: 'GOAWAY_ERR_PERMISSION',
  EPERM: 'GOAWAY_ERR_PERMISSION'
}

/** "127.0.0.1:8080" of what may be a port, { host, port } or { fd }. */
function addressText (address) {
  if (typeof address === 'string') return address
  if (typeof address === 'number') return `127.0.0.1:${address}`
  const { host = '127.0.0.1', port = 0, fd } = address
  if (fd !== undefined) return `fd:${fd}`
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`
}

/**
 * A socket that listens for other processes, and from which this one does not
 * accept. They inherit `fd` (cluster.setupPrimary's or spawn's `stdio`) and
 * serve on it: `server.start({ bind: { fd } })`. Connections wait in the kernel
 * for whichever process takes them; one that leaves loses none.
 */
class Listener {
  constructor (address) {
    const text = addressText(address)
    const [, host, port] = /^\[?(.*?)\]?:(\d{1,5})$/.exec(text) ?? []
    if (host === undefined) throw new GoawayError('GOAWAY_ERR_ADDRESS', `"${text}" is no address`)
    const made = native.listenSocket(host, port)
    if (typeof made === 'number') {
      const name = getSystemErrorName(-made)
      throw new GoawayError(CODES[name] ?? 'GOAWAY_ERR_IO', `cannot listen on ${text}: ${name}`)
    }
    this.fd = made.fd
    this.port = made.port
    this.closed = false
  }

  /** Gives the socket up here; processes that inherited it go on. */
  close () {
    if (!this.closed) closeSync(this.fd)
    this.closed = true
  }
}

module.exports = { addressText, Listener }
