'use strict'

// The stand-in for the socket of a session. The library owns the socket. This object has
// its addresses and can end it, and carries no bytes.

const net = require('node:net')
const { failure } = require('./errors.js')

/**
 * { address, port, family } of '127.0.0.1:49152' or '[::1]:49152'. The peer of a Unix socket has
 * none. With `maps`, an IPv4 address is shown as an IPv6 address, as by a dual-stack socket.
 */
function split (text, maps) {
  if (text.startsWith('unix:')) return { address: undefined, port: undefined, family: undefined }
  const at = text.lastIndexOf(':')
  const bare = text.slice(0, at).replace(/^\[|\]$/g, '')
  const address = maps && net.isIPv4(bare) ? `::ffff:${bare}` : bare
  return { address, port: Number(text.slice(at + 1)), family: net.isIPv6(address) ? 'IPv6' : 'IPv4' }
}

/**
 * A net.Socket without a handle. To destroy it destroys the session. Only that of an HTTP/1.1
 * connection has bytes, see http1.js.
 */
class SessionSocket extends net.Socket {
  #carrier = null
  #error // that it is destroyed with
  #session
  #peer
  #local = null

  constructor (session, peer) {
    super()
    this.#session = session
    this.#peer = split(peer, session.mapsAddresses)
    this.allowHalfOpen = session.server?.allowHalfOpen === true
    // Like the sockets of a node:net server; not _server, which would count its
    // connections.
    this.server = session.server ?? null
    this.on('error', () => {}) // of a session they are told by the session
  }

  get #here () {
    if (this.#local === null) {
      const text = this.#session.info()?.local
      this.#local = text ? split(text, this.#session.mapsAddresses) : { address: undefined, port: undefined, family: undefined }
    }
    return this.#local
  }

  get remoteAddress () { return this.#peer.address }
  get remotePort () { return this.#peer.port }
  get remoteFamily () { return this.#peer.family }
  get localAddress () { return this.#here.address }
  get localPort () { return this.#here.port }
  get localFamily () { return this.#here.family }
  get pending () { return false }
  get readyState () { return this.destroyed ? 'closed' : 'open' }
  get encrypted () { return undefined }
  get bufferSize () { return this.destroyed ? undefined : this.writableLength }
  get bytesRead () { return this.#session.info()?.bytesIn ?? 0 }
  get bytesWritten () { return this.#session.info()?.bytesOut ?? 0 }
  address () { return { ...this.#here } }

  setNoDelay () { return this } // it is set
  setKeepAlive () { return this } // PING does it
  ref () { return this }
  unref () { return this }

  setTimeout (ms, callback) {
    if (this.#carrier !== null) return super.setTimeout(ms, callback)
    this.#session.setTimeout(ms, callback)
    return this
  }

  // ---- HTTP/1.1 ----

  /** From now on, writes go to `carrier`, which pushes what is read. */
  carry (carrier) { this.#carrier = carrier }

  _read () { this.#carrier?.take() }

  _write (chunk, encoding, callback) {
    if (this.#carrier === null) return callback(failure('ERR_HTTP2_NO_SOCKET_MANIPULATION'))
    this.#carrier.write(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk, callback)
  }

  _writev (chunks, callback) {
    const pieces = chunks.map(({ chunk, encoding }) => typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
    this._write(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces), 'buffer', callback)
  }

  _final (callback) {
    if (this.#carrier === null) callback()
    else this.#carrier.end(callback)
  }

  // ---- the end ----

  /** The session has ended. */
  gone () {
    super.destroy(this.#error)
  }

  end (...args) {
    if (this.#carrier !== null) return super.end(...args)
    this.#session.close()
    return this
  }

  destroySoon () {
    if (this.#carrier === null) this.#session.close()
    else if (this.writable) this.end()
  }

  destroy (error) {
    if (this.#carrier !== null) this.#error = error
    this.#session.destroy(error)
    return this
  }

  resetAndDestroy () {
    this.#session.destroy()
    return this
  }
}

const OF_SESSION = new Set(['setTimeout', 'ref', 'unref'])
const FORBIDDEN = new Set(['destroy', 'emit', 'end', 'pause', 'read', 'resume', 'write', 'setEncoding', 'setKeepAlive', 'setNoDelay'])

/**
 * The value of session.socket: reading and writing are refused, timeouts are those of the session.
 */
const SHOWN = {
  get (session, name) {
    if (OF_SESSION.has(name)) return session[name].bind(session)
    if (FORBIDDEN.has(name)) throw failure('ERR_HTTP2_NO_SOCKET_MANIPULATION')
    const socket = open(session)
    const value = socket[name]
    return typeof value === 'function' ? value.bind(socket) : value
  },
  set (session, name, value) {
    if (OF_SESSION.has(name)) {
      session[name] = value
      return true
    }
    if (FORBIDDEN.has(name)) throw failure('ERR_HTTP2_NO_SOCKET_MANIPULATION')
    open(session)[name] = value
    return true
  },
  has (session, name) { return name in open(session) },
  getPrototypeOf (session) { return Object.getPrototypeOf(open(session)) }
}

function open (session) {
  const socket = session.rawSocket
  if (session.unbound) throw failure('ERR_HTTP2_SOCKET_UNBOUND')
  return socket
}

function shown (session) {
  return new Proxy(session, SHOWN)
}

module.exports = { SessionSocket, shown }
