'use strict'

// The way out for the body of a streamed answer: counts what waits for the
// peer, as the library does, so that it never refuses a piece.

/** Larger pieces are cut: HTTP/2 frames are no longer, and the library's copies stay small. */
const CUT_BYTES = 16 * 1024

class Gate {
  #sink
  #pump
  #highWater
  #waiting
  #held = [] // what came while it was full

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
    this.#pump.setHighWater(this.#sink, bytes)
  }

  /** Takes the next piece: as much as there is room for goes, the rest is held. */
  write (chunk, length) {
    if (this.full) this.#held.push(chunk)
    else this.#put(chunk, length)
  }

  #put (chunk, length) {
    if (length > CUT_BYTES && typeof chunk !== 'string') {
      let from = 0
      for (; from < length && !this.full; from += CUT_BYTES) this.#putPiece(chunk.subarray(from, from + CUT_BYTES), Math.min(CUT_BYTES, length - from))
      if (from < length) this.#held.unshift(chunk.subarray(from))
    } else {
      this.#putPiece(chunk, length)
    }
  }

  #putPiece (chunk, length) {
    this.#waiting += length
    this.full = this.#waiting >= this.#highWater
    this.#pump.write(this.#sink, chunk, this.full)
  }

  /** There is room again; whether there still is when what was held has gone. */
  onWritable (waiting) {
    this.#waiting = waiting
    this.full = false
    while (this.#held.length > 0 && !this.full) {
      const chunk = this.#held.shift()
      this.#put(chunk, typeof chunk === 'string' ? Buffer.byteLength(chunk) : chunk.length)
    }
    return !this.full
  }

  drop () {
    this.#held = []
  }
}

module.exports = { Gate, CUT_BYTES }
