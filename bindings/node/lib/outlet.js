'use strict'

// The body of a streamed answer: counts what waits for the peer, as the library
// does, so that it never refuses a piece.

const { GoawayError } = require('./errors.js')

const DONE = Promise.resolve()
/** Larger pieces are cut: HTTP/2 frames are no longer, and the library's copies stay small. */
const CUT_BYTES = 16 * 1024

function ignore () {}

/** How many bytes a piece is on the wire. */
function lengthOf (chunk) {
  if (chunk === null || chunk === undefined) return 0
  if (typeof chunk === 'string') return Buffer.byteLength(chunk)
  if (chunk instanceof Uint8Array) return chunk.length
  throw new GoawayError('GOAWAY_ERR_INVALID', 'a piece of a body is a string or a Uint8Array')
}

class Outlet {
  #sink
  #core
  #highWater
  #waiting = 0
  #full = false // a WRITABLE record is on its way
  #held = [] // pieces of a writer that did not wait
  #ending = null // the last piece and the trailers, to follow what is held
  #room = null // { promise, resolve, reject } of those who wait

  constructor (sink, core) {
    this.#sink = sink
    this.#core = core
    this.#highWater = core.highWaterBytes
  }

  setHighWater (bytes) {
    this.#highWater = bytes
    this.#core.pump.setHighWater(this.#sink, bytes)
  }

  write (chunk) {
    const length = lengthOf(chunk)
    if (length === 0) return this.#full ? this.#wait() : DONE
    if (this.#full) {
      this.#held.push(chunk)
      return this.#wait()
    }
    this.#put(chunk, length)
    return this.#full ? this.#wait() : DONE
  }

  // As much as there is room for goes, the rest is held.
  #put (chunk, length) {
    if (length > CUT_BYTES && typeof chunk !== 'string') {
      let from = 0
      for (; from < length && !this.#full; from += CUT_BYTES) this.#putPiece(chunk.subarray(from, from + CUT_BYTES), Math.min(CUT_BYTES, length - from))
      if (from < length) this.#held.unshift(chunk.subarray(from))
    } else {
      this.#putPiece(chunk, length)
    }
  }

  #putPiece (chunk, length) {
    this.#waiting += length
    this.#full = this.#waiting >= this.#highWater
    this.#core.pump.write(this.#sink, chunk, this.#full)
  }

  #wait () {
    if (this.#room === null) {
      this.#room = {}
      this.#room.promise = new Promise((resolve, reject) => Object.assign(this.#room, { resolve, reject }))
      this.#room.promise.catch(ignore) // who writes on without waiting is told by the signal
    }
    return this.#room.promise
  }

  end (chunk, trailers) {
    if (this.#held.length > 0) this.#ending = { chunk, trailers }
    else this.#finish(chunk, trailers)
  }

  #finish (chunk, trailers) {
    this.#core.pump.end(this.#sink, chunk, trailers)
    this.#release()
  }

  #release () {
    const room = this.#room
    this.#room = null
    room?.resolve()
  }

  drop () {
    this.#held = []
    this.#ending = null
  }

  onWritable (waiting) {
    this.#waiting = waiting
    this.#full = false
    while (this.#held.length > 0 && !this.#full) {
      const chunk = this.#held.shift()
      this.#put(chunk, lengthOf(chunk))
    }
    if (this.#full) return
    if (this.#ending !== null) this.#finish(this.#ending.chunk, this.#ending.trailers)
    else this.#release()
  }

  fail (error) {
    this.drop()
    const room = this.#room
    this.#room = null
    room?.reject(error)
  }
}

module.exports = { Outlet, lengthOf }
