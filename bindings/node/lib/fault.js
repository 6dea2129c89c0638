'use strict'

// Which errors are the peer's doing, so that a handler that fails with one has
// not failed.

const { GoawayError } = require('./errors.js')

/** What the peer sent cannot be used; `httpStatus` is the response to it, unless the handler gives another. */
class PeerFault extends GoawayError {
  constructor (code, message, httpStatus, cause) {
    super(code, message, { httpStatus })
    if (cause !== undefined) Object.defineProperty(this, 'cause', { value: cause, enumerable: false, configurable: true, writable: true })
  }
}

/** What Node.js calls it when a stream or a call ends because the other side has. */
const ENDS = new Set([
  'GOAWAY_ERR_CANCELLED', 'GOAWAY_ERR_GONE', 'ABORT_ERR', 'ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'
])
const DEPTH = 8

/** Whether an error only says that the peer has gone, which `gone` told; its causes are looked at too. */
function isFault (error, gone) {
  for (let depth = 0; depth < DEPTH && typeof error === 'object' && error !== null; depth++) {
    if (error === gone || ENDS.has(error.code) || error.name === 'AbortError') return true
    error = error.cause
  }
  return false
}

module.exports = { PeerFault, isFault }
