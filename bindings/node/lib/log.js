'use strict'

// The library's own log: to the program's function, or, as long as there is
// none, its warnings to process.emitWarning.

const native = require('./native.js')
const { GoawayError, check } = require('./errors.js')

/** goaway_log_level of goaway.h. */
const LEVELS = ['off', 'error', 'warn', 'info', 'debug']
const WARN = LEVELS.indexOf('warn')

let tell = null // the program's function

function show (level, target, message) {
  if (tell === null) {
    // The library's own warnings are few; those of the crates below it a peer can have as many of as it likes.
    if (level <= WARN && target.startsWith('goaway')) process.emitWarning(message, { type: 'GoawayWarning', code: 'GOAWAY_LOG' })
    return
  }
  try {
    tell({ level: LEVELS[level], target, message })
  } catch (error) {
    process.nextTick(() => { throw error }) // as of any callback of Node.js
  }
}

/** Shows the lines that wait. */
function showLog () {
  const lines = native.takeLog()
  for (let at = 0; at < lines.length; at += 4) {
    const [level, target, message, leftOut] = lines.slice(at, at + 4)
    if (leftOut > 0) show(WARN, 'goaway', `${leftOut} lines were left out of the library's log`)
    show(level, target, message)
  }
}

/**
 * Has `callback({ level, target, message })` called with each line of the
 * library's log up to `level` ('error', 'warn', 'info' or 'debug'; 'info' if it
 * is not said), in this thread's loop. The log is the process's: it has the
 * lines of all servers, those of worker threads too. The last call counts; null
 * instead of a function: as at first, warnings become process warnings.
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
