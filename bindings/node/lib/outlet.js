'use strict'

// The body of a streamed answer, for a writer that waits with promises.

const { GoawayError } = require('./errors.js')
const { Gate } = require('./gate.js')

const DONE = Promise.resolve()

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
  #gate
  #ending = null // the last piece and the trailers, to follow what is held
  #room = null // { promise, resolve, reject } of those who wait

  constructor (sink, core) {
    this.#sink = sink
    this.#core = core
    this.#gate = new Gate(sink, core.pump, core.highWaterBytes)
  }

  setHighWater (bytes) {
    this.#gate.setHighWater(bytes)
  }

  write (chunk) {
    const length = lengthOf(chunk)
    if (length > 0) this.#gate.write(chunk, length)
    return this.#gate.full ? this.#wait() : DONE
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
    if (this.#gate.holds) this.#ending = { chunk, trailers }
    else this.#finish(chunk, trailers)
  }

  #finish (chunk, trailers) {
    this.#core.pump.end(this.#sink, chunk, trailers, this.#sink.keepBody())
    this.#release()
  }

  #release () {
    const room = this.#room
    this.#room = null
    room?.resolve()
  }

  drop () {
    this.#gate.drop()
    this.#ending = null
  }

  onWritable (waiting, mark) {
    if (!this.#gate.onWritable(waiting, mark)) return
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
