'use strict'

const native = require('./native.js')

let stops = false

/**
 * Ends the servers before the process ends, so that peers are notified and no thread of the library
 * calls this process.
 */
function stopAtExit () {
  if (stops) return
  stops = true
  process.once('exit', native.stopAll)
}

module.exports = { stopAtExit }
