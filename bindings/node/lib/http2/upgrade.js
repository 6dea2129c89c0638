'use strict'

// A request of HTTP/1.1 that asks for another protocol, whose connection a
// program takes over (event 'upgrade' of node:http). What it writes to the
// socket begins with a head: with 101 the rest is the other protocol's; with
// another status it is an answer, behind which the connection ends.

const native = require('../native.js')
const { Gate } = require('../gate.js')
const { GoawayError, statusName } = require('../errors.js')
const { connectionLost } = require('./errors.js')
const { RequestHead } = require('./headers.js')
const { requestOf } = require('./http1.js')
const { RawHead, isOfConnection, invalid } = require('./rawhead.js')
const { Sink, gone } = require('./sink.js')

const C = native.constants
const FLAGS = C.COMMAND_FLAG_NO_DATE | C.COMMAND_FLAG_NO_LENGTH
const SWITCHING_PROTOCOLS = 101
/** A longer head of a response is none. */
const HEAD_BYTES = 64 * 1024
const CLOSE = ['connection', 'close']

// RFC 9113, section 7.
const INTERNAL_ERROR = 2
const CANCEL = 8

/** Between the socket and the library. */
class UpgradeLine extends Sink {
  #hub
  #gate = null // from the final head on
  #head = new RawHead(HEAD_BYTES)
  #written = null // the callback of a write that waits for room
  #owed = 0 // bytes that came and were not taken

  constructor (hub, record, session) {
    super(record, session)
    this.#hub = hub
    this.socket = session.newTunnelSocket()
    this.socket.join(this)
    const head = RequestHead.of(record)
    this.request = requestOf(head, (record.flags & C.RECORD_FLAG_HTTP_1_0) !== 0, this.socket)
    if ((record.flags & C.RECORD_FLAG_DRAINING) !== 0) process.nextTick(drains, this, record.number)
  }


  // ---- what the socket does ----

  write (chunk, callback) {
    if (this.#gate !== null) return this.#put(chunk, callback)
    try {
      this.#readHead(chunk, callback)
    } catch (error) {
      callback(error)
    }
  }

  // Informational heads may stand in front of the final one.
  #readHead (chunk, callback) {
    for (;;) {
      const head = this.#head.add(chunk)
      if (head === null) return callback()
      if (!this.live) return callback(gone())
      const { status, rest } = head
      const fields = ofLibrary(head)
      if (status >= 200 || status === SWITCHING_PROTOCOLS) {
        this.#open(status, fields)
        return rest.length > 0 ? this.#put(rest, callback) : callback()
      }
      this.#hub.pump.inform(this, status, fields)
      chunk = rest
    }
  }

  #open (status, fields) {
    this.#hub.pump.head(this, status, status === SWITCHING_PROTOCOLS ? fields : fields.concat(CLOSE), FLAGS)
    this.#gate = new Gate(this, this.#hub.pump, this.#hub.highWaterBytes)
  }

  #put (chunk, callback) {
    if (!this.live) return callback(gone())
    this.#active()
    this.#gate.write(chunk, chunk.length)
    if (this.#gate.full) this.#written = callback
    else callback()
  }

  /** The end of both ways. */
  end (callback) {
    if (this.live) this.#finish()
    const { socket } = this
    socket.push(null)
    // Nothing more comes: it is gone also if nobody reads.
    if (socket.readableLength === 0) socket.resume()
    callback()
  }

  #finish () {
    if (this.#gate === null) this.#hub.pump.reset(this, CANCEL) // there is no answer
    else this.#hub.pump.end(this, null, null)
  }

  /** What has come was taken. */
  take () {
    if (this.#owed > 0 && this.live) this.#hub.pump.consume(this, this.#owed)
    this.#owed = 0
  }

  /** The socket is destroyed. What waits for a slow peer is dropped. */
  drop () {
    const waits = this.#written
    this.#written = null
    if (this.live) {
      if (waits !== null) this.reset()
      else this.#finish()
    }
    waits?.(gone())
  }

  reset () {
    this.#gate?.drop()
    if (this.live) this.#hub.pump.reset(this, CANCEL)
  }

  #active () {
    this.socket.active()
    if (this.#hub.timed > 0) this.session.active()
  }

  // ---- what the pump tells ----

  onBody (data, last) {
    if (this.socket.destroyed) return
    this.#active()
    if (data !== null) {
      this.#owed += data.length
      if (this.socket.push(data)) this.take()
    }
    if (last) this.socket.push(null)
  }

  onWritable (waiting, mark) {
    if (this.#gate === null || !this.#gate.onWritable(waiting, mark)) return
    this.#active()
    const written = this.#written
    this.#written = null
    written?.()
  }

  onCancelled (code, cause) {
    const isLost = native.causes[cause] === 'connection_lost'
    this.socket.destroy(isLost ? connectionLost() : undefined)
  }

  onDrain (leftMs) { this.#hub.tell(this.socket, 'draining', leftMs) }

  onFailed (kind, status) {
    const code = statusName(status)
    if (code === 'GOAWAY_ERR_GONE' || code === 'GOAWAY_ERR_CANCELLED') return
    const error = new GoawayError(code, native.lastError())
    this.#hub.pump.revive(this)
    this.#hub.pump.reset(this, INTERNAL_ERROR)
    this.socket.destroy(error)
  }

  /** Its session is destroyed. */
  fail (error) {
    if (this.live) this.#hub.pump.forget(this)
    this.socket.destroy(error)
  }
}

// The fields without those that the library says by itself.
function ofLibrary ({ status, fields }) {
  const kept = []
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]
    if (name === 'transfer-encoding') throw invalid('the library frames the body: write it without transfer-encoding')
    if (!isOfConnection(name) && (name !== 'upgrade' || status === SWITCHING_PROTOCOLS)) kept.push(name, fields[at + 1])
  }
  return kept
}

function drains (line, leftMs) {
  if (line.live) line.onDrain(leftMs)
}

module.exports = { UpgradeLine }
