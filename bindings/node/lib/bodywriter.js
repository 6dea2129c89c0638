'use strict'

// The body of a streamed answer, for a writer that waits with promises.

const { invalid } = require('./fields.js')
const { WriteQueue } = require('./writequeue.js')

const DONE = Promise.resolve(true)

function ignore () {}

/** How many bytes a piece is on the wire. */
function lengthOf (chunk) {
  if (typeof chunk === 'string') return Buffer.byteLength(chunk)
  if (chunk instanceof Uint8Array) return chunk.length
  throw invalid('a body, or a piece of one, is a string or a Uint8Array')
}

class BodyWriter {
  #sink
  #core
  #writeQueue
  #ending = null // the last piece and the trailers, to follow what is held
  #room = null // { promise, resolve, reject } of those who wait

  constructor (sink, core) {
    this.#sink = sink
    this.#core = core
    this.#writeQueue = new WriteQueue(sink, core.pump, core.highWaterBytes)
  }

  setHighWater (bytes) {
    this.#writeQueue.setHighWater(bytes)
  }

  /** Takes a piece of that length; resolves to true when the next should come. */
  write (chunk, length) {
    if (length > 0) this.#writeQueue.write(chunk, length)
    return this.#writeQueue.full ? this.#wait() : DONE
  }

  #wait () {
    if (this.#room === null) {
      this.#room = {}
      this.#room.promise = new Promise((resolve, reject) => Object.assign(this.#room, { resolve, reject }))
      this.#room.promise.catch(ignore) // who does not wait is told by the signal
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

  /** What waits for the peer is not sent any more, nor what was to come behind it. */
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

  /** The peer has gone: whoever waits gets that error or, if `isSettled`, false. */
  fail (error, isSettled) {
    const room = this.#room
    this.#room = null
    this.drop()
    if (isSettled) room?.resolve(false)
    else room?.reject(error)
  }
}

module.exports = { BodyWriter, lengthOf }
