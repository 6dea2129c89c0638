'use strict'

const native = require('./native.js')

let stops = false

/** Before the process ends, so that the peers are told and no thread calls us. */
function stopAtExit () {
  if (stops) return
  stops = true
  process.once('exit', native.stopAll)
}

module.exports = { stopAtExit }
