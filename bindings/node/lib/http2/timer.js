'use strict'

// The timer for inactivity of a stream or a session.

const { checkFunction, wrongType, outOfRange } = require('./errors.js')

const MAX_MS = 2147483647

/** Checks the arguments as node:http2 does. Returns the milliseconds, 0 for never. */
function checkTime (ms) {
  if (typeof ms !== 'number') throw wrongType('msecs', 'number', ms)
  if (!(ms >= 0 && Number.isFinite(ms))) throw outOfRange('msecs', 'a non-negative finite number', ms)
  return Math.min(Math.trunc(ms), MAX_MS)
}

/** Emits 'timeout' on its owner, repeatedly, when `refresh` was not called for the time. */
class Timer {
  #owner
  #timer

  constructor (owner, ms) {
    this.#owner = owner
    this.#timer = setTimeout(expire, ms, this)
    this.#timer.unref()
  }

  refresh () {
    this.#timer.refresh()
  }

  clear () {
    clearTimeout(this.#timer)
  }

  expire () {
    if (!this.#owner.destroyed) this.#owner._onTimeout()
  }
}

function expire (timer) {
  timer.expire()
}

/** Implements setTimeout for `owner` with its `timer`. Returns the new timer or null. */
function changeTimer (owner, timer, ms, callback) {
  const time = checkTime(ms)
  if (callback !== undefined) {
    checkFunction(callback, 'callback')
    if (time === 0) owner.removeListener('timeout', callback)
    else owner.once('timeout', callback)
  }
  timer?.clear()
  return time === 0 ? null : new Timer(owner, time)
}

module.exports = { changeTimer }
