'use strict'

// The error class. Its codes are the names of goaway_status in goaway.h.

const native = require('./native.js')

/**
 * The error that every failing call throws. `code` is the name of the C status, such as
 * 'GOAWAY_ERR_ADDRESS_IN_USE'. For a cancelled request (GOAWAY_ERR_CANCELLED), `reason` is the
 * cause, such as 'peer_reset' or 'deadline', and `http2Code` is an error code (RFC 9113, section
 * 7): for 'peer_reset' and 'peer_goaway' that of the peer, otherwise the one that was sent to the
 * peer, or 0.
 */
class GoawayError extends Error {
  constructor (code, message, details) {
    super(message)
    this.code = code
    if (details !== undefined) Object.assign(this, details)
  }

  get name () {
    return 'GoawayError'
  }
}

/** The name of a status. */
function statusName (status) {
  return native.statuses[status] ?? `GOAWAY_ERR_${status}`
}

/** Throws if a status is not OK, with the text of the library. */
function check (status) {
  if (status === 0) return
  const error = new GoawayError(statusName(status), native.lastError())
  Error.captureStackTrace(error, check)
  throw error
}

const TIME_MAX = 0xffffffff

/** Converts a time of a close for the library. Throws if it is invalid. */
function checkTime (ms, name) {
  if (Number.isFinite(ms) && ms >= 0 && ms <= TIME_MAX) return Math.floor(ms)
  throw new GoawayError('GOAWAY_ERR_INVALID', `${name} is ${ms}, not a number of milliseconds from 0 to ${TIME_MAX}`)
}

const checkDrain = (drainMs) => checkTime(drainMs, 'drainMs')
const checkDelay = (shutdownDelayMs) => checkTime(shutdownDelayMs, 'shutdownDelayMs')

module.exports = { GoawayError, check, checkDrain, checkDelay, statusName }
