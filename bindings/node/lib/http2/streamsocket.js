'use strict'

// What stands for a socket in the compatibility API. A stream has none of its
// own, so what concerns one request goes to its stream, and the rest to what its
// session shows of the connection.

const { Socket } = require('node:net')
const { failure } = require('./errors.js')

const kSocket = Symbol('socket')

/** Of these the stream's are meant. */
const OF_STREAM = new Set(['destroyed', 'readable', 'writable'])
/** These are the stream's, bound to it. */
const CALLED_ON_STREAM = new Set(['on', 'once', 'end', 'emit', 'destroy'])
/** Frames would be torn by these. */
const FORBIDDEN = new Set(['read', 'write', 'pause', 'resume'])

/**
 * What the rest is asked of: the connection's socket, or the stream when that has
 * gone. As in Node.js it is not what `session.socket` shows, which refuses more,
 * such as the setKeepAlive and setNoDelay that frameworks call for events.
 */
function restOf (stream) {
  return stream.session?.rawSocket ?? stream
}

const handler = {
  get (stream, name) {
    if (OF_STREAM.has(name)) return stream[name]
    if (CALLED_ON_STREAM.has(name)) return stream[name].bind(stream)
    if (FORBIDDEN.has(name)) throw failure('ERR_HTTP2_NO_SOCKET_MANIPULATION')
    if (name === 'setTimeout') {
      const { session } = stream
      return session === undefined ? stream.setTimeout.bind(stream) : session.setTimeout.bind(session)
    }
    const rest = restOf(stream)
    const value = rest[name]
    return typeof value === 'function' ? value.bind(rest) : value
  },

  set (stream, name, value) {
    if (OF_STREAM.has(name) || CALLED_ON_STREAM.has(name)) stream[name] = value
    else if (FORBIDDEN.has(name)) throw failure('ERR_HTTP2_NO_SOCKET_MANIPULATION')
    else if (name === 'setTimeout') (stream.session ?? stream).setTimeout = value
    else restOf(stream)[name] = value
    return true
  },

  has (stream, name) { return name in restOf(stream) || name in stream },
  // As if it were one, for those who look at its class.
  getPrototypeOf () { return Socket.prototype }
}

/** The socket of a stream, always the same. */
function socketOf (stream) {
  return stream[kSocket] ?? (stream[kSocket] = new Proxy(stream, handler))
}

module.exports = { socketOf }
