'use strict'

// Errors that the peer has caused. A handler that fails with one of them is not at fault.

const { GoawayError } = require('./errors.js')

/**
 * The peer has sent input that cannot be used. `httpStatus` is the status of the response, unless
 * the handler sends another.
 */
class PeerFault extends GoawayError {
  constructor (code, message, httpStatus, cause) {
    super(code, message, { httpStatus })
    if (cause !== undefined) Object.defineProperty(this, 'cause', { value: cause, enumerable: false, configurable: true, writable: true })
  }
}

/** Codes of Node.js for streams and calls that end because the other side has closed. */
const ENDS = new Set([
  'GOAWAY_ERR_CANCELLED', 'GOAWAY_ERR_GONE', 'ABORT_ERR', 'ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'
])
const DEPTH = 8

/**
 * Whether an error only means that the peer has left, which was reported already. Its causes are
 * examined, too.
 */
function isFault (error, gone) {
  for (let depth = 0; depth < DEPTH && typeof error === 'object' && error !== null; depth++) {
    if (error === gone || ENDS.has(error.code) || error.name === 'AbortError') return true
    error = error.cause
  }
  return false
}

module.exports = { PeerFault, isFault }
