'use strict'

// Writes the body of a streamed response, with promises.

const { invalid } = require('./fields.js')
const { WriteQueue } = require('./writequeue.js')

const DONE = Promise.resolve(true)

function ignore () {}

/** The length of a piece in bytes. */
function lengthOf (chunk) {
  if (typeof chunk === 'string') return Buffer.byteLength(chunk)
  if (chunk instanceof Uint8Array) return chunk.length
  throw invalid('a body, or a piece of one, is a string or a Uint8Array')
}

class BodyWriter {
  #sink
  #core
  #writeQueue
  #ending = null // the last piece and the trailers, which follow the held pieces
  #room = null // { promise, resolve, reject } of the writers that wait for room

  constructor (sink, core) {
    this.#sink = sink
    this.#core = core
    this.#writeQueue = new WriteQueue(sink, core.pump, core.highWaterBytes)
  }

  setHighWater (bytes) {
    this.#writeQueue.setHighWater(bytes)
  }

  /** Writes a piece with this length. Resolves to true when the next one should be written. */
  write (chunk, length) {
    if (length > 0) this.#writeQueue.write(chunk, length)
    return this.#writeQueue.full ? this.#wait() : DONE
  }

  #wait () {
    if (this.#room === null) {
      this.#room = {}
      this.#room.promise = new Promise((resolve, reject) => Object.assign(this.#room, { resolve, reject }))
      this.#room.promise.catch(ignore) // a writer that does not wait learns of it by the signal
    }
    return this.#room.promise
  }

  end (chunk, trailers) {
    if (this.#writeQueue.holds) this.#ending = { chunk, trailers }
    else this.#finish(chunk, trailers)
  }

  #finish (chunk, trailers) {
    this.#core.pump.end(this.#sink, chunk, trailers, this.#sink.keepBody())
    this.#release()
  }

  #release (hasRoom = true) {
    const room = this.#room
    this.#room = null
    room?.resolve(hasRoom)
  }

  /** Drops the pieces that wait for the peer, and those held here. */
  drop () {
    this.#writeQueue.drop()
    this.#ending = null
    this.#release(false)
  }

  onWritable (waiting, mark) {
    if (!this.#writeQueue.onWritable(waiting, mark)) return
    if (this.#ending !== null) this.#finish(this.#ending.chunk, this.#ending.trailers)
    else this.#release()
  }

  /** The peer has left: waiting writers get the error, or false if `isSettled`. */
  fail (error, isSettled) {
    const room = this.#room
    this.#room = null
    this.drop()
    if (isSettled) room?.resolve(false)
    else room?.reject(error)
  }
}

module.exports = { BodyWriter, lengthOf }
