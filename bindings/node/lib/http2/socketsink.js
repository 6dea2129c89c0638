'use strict'

// A request of HTTP/1.1 as the pump knows it (see pump.js), between the library
// and a socket that stands for its connection. Those that extend it have
// `socket`, null while there is none, and `touch()`, which restarts the socket's
// timer.

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

  /** Whether the head of the response is sent. */
  get hasHead () { return this.#writeQueue !== null }

  // ---- the response ----

  /** The head; pieces follow. */
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

  /** The callback that waits for room, which is not called by itself any more; null if there is none. */
  takeWaiting () { return this.#writeQueue?.takeWaiting() ?? null }

  /** Pieces that wait for a slow peer are not sent. */
  dropHeld () { this.#writeQueue?.drop() }

  // ---- the body ----

  /** So many bytes of it have come. */
  owe (bytes) { this.#owed += bytes }

  /** What has come was taken. */
  take () {
    if (this.#owed > 0 && this.live) this.#hub.pump.consume(this, this.#owed)
    this.#owed = 0
  }

  // ---- how it goes on ----

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

/** That nobody is there any more to write to. */
function gone () {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' })
}

module.exports = { SocketSink, gone }
