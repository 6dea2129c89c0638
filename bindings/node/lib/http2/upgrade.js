'use strict'

// An HTTP/1.1 request for another protocol, whose connection a program takes over (event
// 'upgrade' of node:http). The program first writes a response head to the socket. After
// 101, the following bytes belong to the other protocol. After another status they are an
// ordinary response, and the connection ends after it.

const native = require('../native.js')
const { connectionLost } = require('./errors.js')
const { RequestHead } = require('./headers.js')
const { requestOf } = require('./http1.js')
const { RawHead, isOfConnection, invalid } = require('./rawhead.js')
const { SocketSink, gone } = require('./socketsink.js')

const C = native.constants
const FLAGS = C.COMMAND_FLAG_NO_DATE | C.COMMAND_FLAG_NO_LENGTH
const SWITCHING_PROTOCOLS = 101
/** A longer response head is refused. */
const HEAD_BYTES = 64 * 1024
const CLOSE = ['connection', 'close']

const CANCEL = 8 // RFC 9113, section 7

/** Connects the socket with the library. */
class UpgradeLine extends SocketSink {
  #hub
  #head = new RawHead(HEAD_BYTES)

  constructor (hub, record, session) {
    super(hub, record, session)
    this.#hub = hub
    this.socket = session.newTunnelSocket()
    this.socket.join(this)
    const head = RequestHead.of(record)
    this.request = requestOf(head, (record.flags & C.RECORD_FLAG_HTTP_1_0) !== 0, this.socket)
    if ((record.flags & C.RECORD_FLAG_DRAINING) !== 0) process.nextTick(drains, this, record.number)
  }

  touch () { this.socket.active() }

  // ---- calls of the socket ----

  write (chunk, callback) {
    if (this.hasHead) return this.#put(chunk, callback)
    try {
      this.#readHead(chunk, callback)
    } catch (error) {
      callback(error)
    }
  }

  // Informational heads may precede the final one.
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
    this.writeHead(status, status === SWITCHING_PROTOCOLS ? fields : fields.concat(CLOSE), FLAGS)
  }

  #put (chunk, callback) {
    if (!this.live) return callback(gone())
    this.active()
    this.writePiece(chunk)
    this.whenRoom(callback)
  }

  /** Both sides have ended. */
  end (callback) {
    if (this.live) this.#finish()
    const { socket } = this
    socket.push(null)
    // No more bytes follow: the socket has ended, also if the program does not read.
    if (socket.readableLength === 0) socket.resume()
    callback()
  }

  #finish () {
    if (this.hasHead) this.#hub.pump.end(this, null, null)
    else this.#hub.pump.reset(this, CANCEL) // there is no response
  }

  /** The socket was destroyed. Bytes that wait for a slow peer are dropped. */
  drop () {
    const waits = this.takeWaiting()
    if (this.live) {
      if (waits !== null) this.reset()
      else this.#finish()
    }
    waits?.(gone())
  }

  reset () {
    this.dropHeld()
    if (this.live) this.#hub.pump.reset(this, CANCEL)
  }

  // ---- records, from the pump ----

  onBody (data, last) {
    if (this.socket.destroyed) return
    this.active()
    if (data !== null) {
      this.owe(data.length)
      if (this.socket.push(data)) this.take()
    }
    if (last) this.socket.push(null)
  }

  onCancelled (code, cause) {
    const isLost = native.causes[cause] === 'connection_lost'
    this.socket.destroy(isLost ? connectionLost() : undefined)
  }

  onDrain (leftMs) { this.#hub.tell(this.socket, 'draining', leftMs) }

  /** The session was destroyed. */
  fail (error) {
    if (this.live) this.#hub.pump.forget(this)
    this.socket.destroy(error)
  }
}

// The fields without those that the library sends itself.
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
