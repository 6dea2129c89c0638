'use strict'

// An HTTP/1.1 request as a sink of the pump (see pump.js), between the library and the
// stand-in for the socket. Subclasses have `socket`, null while there is none, and
// `touch()`, which restarts the timer of the socket.

const native = require('../native.js')
const { WriteQueue } = require('../writequeue.js')
const { GoawayError, statusName } = require('../errors.js')
const { becomeSink } = require('../sink.js')

const INTERNAL_ERROR = 2 // RFC 9113, section 7

class SocketSink {
  #hub
  #writeQueue = null // from the response's head on
  #owed = 0 // bytes of the body that came and were not taken

  constructor (hub, record, session) {
    becomeSink(this, record)
    this.#hub = hub
    this.session = session
  }

  get sessionId () { return this.session.id }

  /** Whether the response head was sent. */
  get hasHead () { return this.#writeQueue !== null }

  // ---- the response ----

  /** Sends the head. Pieces follow. */
  writeHead (status, fields, flags) {
    this.#hub.pump.head(this, status, fields, flags)
    this.#writeQueue = new WriteQueue(this, this.#hub.pump, this.#hub.highWaterBytes)
  }

  writePiece (chunk) { this.#writeQueue.write(chunk, chunk.length) }

  /** Calls back when there is room for more. */
  whenRoom (callback) {
    if (this.#writeQueue === null) callback()
    else this.#writeQueue.whenRoom(callback)
  }

  /** Takes the callback that waits for room; it is not called any more. Null if there is none. */
  takeWaiting () { return this.#writeQueue?.takeWaiting() ?? null }

  /** Drops the pieces that wait for a slow peer. */
  dropHeld () { this.#writeQueue?.drop() }

  // ---- the request body ----

  /** This many bytes of the body have arrived. */
  owe (bytes) { this.#owed += bytes }

  /** The received bytes were read. */
  take () {
    if (this.#owed > 0 && this.live) this.#hub.pump.consume(this, this.#owed)
    this.#owed = 0
  }

  // ---- records, from the pump ----

  active () {
    this.touch()
    if (this.#hub.timed > 0) this.session.active()
  }

  onWritable (waiting, mark) {
    if (this.#writeQueue === null || !this.#writeQueue.onWritable(waiting, mark)) return
    this.active()
    this.#writeQueue.release()
  }

  onFailed (kind, status) {
    const code = statusName(status)
    if (code === 'GOAWAY_ERR_GONE' || code === 'GOAWAY_ERR_CANCELLED') return
    const error = new GoawayError(code, native.lastError())
    this.#hub.pump.revive(this)
    this.#hub.pump.reset(this, INTERNAL_ERROR)
    this.socket?.destroy(error)
  }
}

/** The error for a write after the end. */
function gone () {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' })
}

module.exports = { SocketSink, gone }
