'use strict'

// Listeners are the program's: what they throw is its uncaught exception, and
// ends nothing of what told them.

function rethrow (error) { throw error }

/** Calls `act`, which calls listeners. */
function callListeners (act) {
  try {
    act()
  } catch (error) {
    process.nextTick(rethrow, error)
  }
}

/** Has `emitter` emit. */
function emitSafely (emitter, ...event) {
  callListeners(() => emitter.emit(...event))
}

module.exports = { callListeners, emitSafely }
