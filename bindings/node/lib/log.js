'use strict'

// The log of the library. Its lines go to a callback of the program. Without one,
// warnings go to process.emitWarning.

const native = require('./native.js')
const { GoawayError, check } = require('./errors.js')

/** goaway_log_level of goaway.h. */
const LEVELS = ['off', 'error', 'warn', 'info', 'debug']
const WARN = LEVELS.indexOf('warn')

let tell = null // the callback of the program

function show (level, target, message) {
  if (tell === null) {
    // Peers can cause any number of warnings in the dependencies of the library, but few
    // in the library itself.
    if (level <= WARN && target.startsWith('goaway')) process.emitWarning(message, { type: 'GoawayWarning', code: 'GOAWAY_LOG' })
    return
  }
  try {
    tell({ level: LEVELS[level], target, message })
  } catch (error) {
    process.nextTick(() => { throw error }) // like an error in any callback of Node.js
  }
}

/** Passes on the waiting lines. */
function showLog () {
  const lines = native.takeLog()
  for (let at = 0; at < lines.length; at += 4) {
    const [level, target, message, leftOut] = lines.slice(at, at + 4)
    if (leftOut > 0) show(WARN, 'goaway', `${leftOut} lines were left out of the library's log`)
    show(level, target, message)
  }
}

/**
 * Sets the `callback({ level, target, message })` for the lines of the library's log up to `level`
 * ('error', 'warn', 'info' or 'debug'; default 'info'). It is called in the event loop of this
 * thread. The log belongs to the process: it has the lines of all servers, including those of
 * worker threads. A later call replaces an earlier one. With null, which is the default, warnings
 * become process warnings.
 */
function setLog (callback, { level = 'info' } = {}) {
  if (callback !== null && typeof callback !== 'function') throw new GoawayError('GOAWAY_ERR_INVALID', 'setLog wants a function, or null')
  const number = LEVELS.indexOf(level)
  if (number === -1) throw new GoawayError('GOAWAY_ERR_INVALID', `the log's level is ${level}, not ${LEVELS.join(', ')}`)
  check(native.setLog(callback === null ? WARN : number, callback !== null, showLog))
  tell = callback
}

setLog(null)
process.once('exit', showLog)

module.exports = { setLog, showLog }
