'use strict'

// The stand-in for a socket in the compatibility API. A stream has no socket of its own.
// Members that concern one request use its stream, and the others the connection of its
// session.

const { Socket } = require('node:net')
const { failure } = require('./errors.js')

const kSocket = Symbol('socket')

/** Members of the stream. */
const OF_STREAM = new Set(['destroyed', 'readable', 'writable'])
/** Methods of the stream, bound to it. */
const CALLED_ON_STREAM = new Set(['on', 'once', 'end', 'emit', 'destroy'])
/** Members that would damage frames. */
const FORBIDDEN = new Set(['read', 'write', 'pause', 'resume'])

/**
 * The object for all other members: the socket of the connection, or the stream after its end. As
 * in Node.js it is not `session.socket`, which refuses more, such as setKeepAlive and setNoDelay,
 * which frameworks call for server-sent events.
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
  // So that `instanceof` holds.
  getPrototypeOf () { return Socket.prototype }
}

/** The socket of a stream, always the same object. */
function socketOf (stream) {
  return stream[kSocket] ?? (stream[kSocket] = new Proxy(stream, handler))
}

module.exports = { socketOf }
