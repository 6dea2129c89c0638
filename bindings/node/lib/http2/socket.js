'use strict'

// What stands for a session's socket. The library has the real one; this knows
// its addresses and ends it, and carries no bytes.

const net = require('node:net')
const { failure } = require('./errors.js')

/**
 * { address, port, family } of '127.0.0.1:49152' or '[::1]:49152'; a Unix
 * socket's peer has none. `maps`: an address of IPv4 is shown as one of IPv6, as
 * the kernel shows it on a socket for both.
 */
function split (text, maps) {
  if (text.startsWith('unix:')) return { address: undefined, port: undefined, family: undefined }
  const at = text.lastIndexOf(':')
  const bare = text.slice(0, at).replace(/^\[|\]$/g, '')
  const address = maps && net.isIPv4(bare) ? `::ffff:${bare}` : bare
  return { address, port: Number(text.slice(at + 1)), family: net.isIPv6(address) ? 'IPv6' : 'IPv4' }
}

/** A net.Socket without a handle. To destroy it destroys the session. */
class SessionSocket extends net.Socket {
  #session
  #peer
  #local = null

  constructor (session, peer) {
    super()
    this.#session = session
    this.#peer = split(peer, session.mapsAddresses)
    this.allowHalfOpen = session.server?.allowHalfOpen === true
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
    this.#session.setTimeout(ms, callback)
    return this
  }

  /** The session has ended. */
  gone () {
    super.destroy()
  }

  end () {
    this.#session.close()
    return this
  }

  destroySoon () { this.#session.close() }

  destroy (error) {
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

/** What session.socket shows: reading and writing are refused, times are the session's. */
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
