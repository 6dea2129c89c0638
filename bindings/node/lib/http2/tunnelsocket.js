'use strict'

// The socket of a connection after an upgrade. A program reads and writes its bytes. It
// has the addresses and certificates of a session's socket.

const net = require('node:net')
const { SessionSocket } = require('./socket.js')
const { SecureSocket } = require('./securesocket.js')
const { changeTimer } = require('./timer.js')

/** Extends `Base` by reading and writing. The bytes pass through a line, see upgrade.js. */
const withBytes = (Base) => class extends Base {
  #line = null
  #timer = null

  constructor (...args) {
    super(...args)
    this.allowHalfOpen = true // as a server of node:http has them
  }

  /** Begins with a line. */
  join (line) { this.#line = line }

  get readyState () {
    if (this.destroyed) return 'closed'
    return this.readable ? (this.writable ? 'open' : 'readOnly') : (this.writable ? 'writeOnly' : 'closed')
  }

  /** Bytes were read or written. */
  active () { this.#timer?.refresh() }

  _read () { this.#line.take() }

  _write (chunk, encoding, callback) {
    this.active()
    this.#line.write(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk, callback)
  }

  _writev (chunks, callback) {
    this._write(Buffer.concat(chunks.map(({ chunk, encoding }) => typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)), 'buffer', callback)
  }

  _final (callback) { this.#line.end(callback) }

  _destroy (error, callback) {
    this.#timer?.clear()
    this.#timer = null
    this.#line?.drop()
    super._destroy(error, callback)
  }

  /** Emits 'timeout' after this time without a byte in either direction, without further effect. */
  setTimeout (ms, callback) {
    if (this.destroyed) return this
    this.#line?.session.setTimeout(0) // that of the server was for HTTP
    this.#timer = changeTimer(this, this.#timer, ms, callback)
    this.timeout = ms
    return this
  }

  _onTimeout () { this.emit('timeout') }

  /** Both sides have ended. Written bytes are sent first. */
  end (...args) { return net.Socket.prototype.end.apply(this, args) }

  destroySoon () { net.Socket.prototype.destroySoon.call(this) }

  /** Ends the connection now. Written bytes are sent if the peer accepts them. */
  destroy (error) { return net.Socket.prototype.destroy.call(this, error) }

  /** The same, and drops the written bytes. */
  resetAndDestroy () {
    this.#line?.reset()
    return this.destroy()
  }
}

const TunnelSocket = withBytes(SessionSocket)
const SecureTunnelSocket = withBytes(SecureSocket)

module.exports = { TunnelSocket, SecureTunnelSocket }
