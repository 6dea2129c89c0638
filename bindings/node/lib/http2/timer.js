'use strict'

// A time without activity, of a stream or a session.

const { checkFunction, wrongType, outOfRange } = require('./errors.js')

const MAX_MS = 2147483647

/** Throws as setTimeout of node:http2 does; gives the milliseconds, 0 for never. */
function checkTime (ms) {
  if (typeof ms !== 'number') throw wrongType('msecs', 'number', ms)
  if (!(ms >= 0 && Number.isFinite(ms))) throw outOfRange('msecs', 'a non-negative finite number', ms)
  return Math.min(Math.trunc(ms), MAX_MS)
}

/** Emits 'timeout' on its owner when nothing has called `refresh` for so long; again and again. */
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

/** What setTimeout does for `owner`, which has `timer`; gives the new one or null. */
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
