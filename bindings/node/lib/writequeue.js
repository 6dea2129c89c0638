'use strict'

// The queue for the body of a streamed response. It counts the bytes that wait for the
// peer as the library does, so that the library never refuses a piece.

class WriteQueue {
  #sink
  #pump
  #highWater
  #isFixed = false // the program has set the mark
  #waiting
  #held = [] // what came while it was full
  #confirms = false
  #next = null // the callback of who waits for room

  /** For a request of which so many bytes wait already. */
  constructor (sink, pump, highWater, waiting = 0) {
    this.#sink = sink
    this.#pump = pump
    this.#highWater = highWater
    this.#waiting = waiting
    /** A WRITABLE record is on its way. */
    this.full = false
  }

  /** Bytes that wait for the peer, as far as is known here. */
  get waiting () {
    return this.#waiting
  }

  /** Whether pieces are held back here. */
  get holds () {
    return this.#held.length > 0
  }

  setHighWater (bytes) {
    this.#highWater = bytes
    this.#isFixed = true
    this.#pump.setHighWater(this.#sink, bytes)
  }

  /**
   * Takes the next piece: as much as there is room for goes, the rest is held.
   * With `confirms`, from now on, there is room again only when all has left.
   */
  write (chunk, length, confirms = false) {
    this.#confirms ||= confirms
    if (this.full) this.#held.push(chunk)
    else this.#put(chunk, length)
  }

  #put (chunk, length) {
    const room = this.#highWater - this.#waiting
    if (length > room && room > 0 && typeof chunk !== 'string') {
      this.#held.unshift(chunk.subarray(room))
      chunk = chunk.subarray(0, room)
      length = room
    }
    this.#waiting += length
    this.full = this.#confirms || this.#waiting >= this.#highWater
    this.#pump.write(this.#sink, chunk, this.full, this.#confirms)
  }

  /** There is room again, up to the mark; whether there still is when what was held has gone. */
  onWritable (waiting, mark) {
    this.#waiting = waiting
    if (!this.#isFixed) this.#highWater = mark
    this.full = false
    while (this.#held.length > 0 && !this.full) {
      const chunk = this.#held.shift()
      this.#put(chunk, typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length)
    }
    return !this.full
  }

  /** Whether somebody waits for room. */
  get isAwaited () {
    return this.#next !== null
  }

  /** Calls back when there is room for more: at once, or by `release`. */
  whenRoom (callback) {
    if (this.full) this.#next = callback
    else callback()
  }

  /** Calls who waits for room. */
  release () {
    this.takeWaiting()?.()
  }

  /** Who waits for room, who is not called by itself any more; null if nobody does. */
  takeWaiting () {
    const next = this.#next
    this.#next = null
    return next
  }

  drop () {
    this.#held = []
  }
}

module.exports = { WriteQueue }
