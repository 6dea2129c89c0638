'use strict'

// Between the library and what is built on it: takes a batch at each wake-up,
// tells each record to whom it concerns, and gathers what they answer, so that
// a turn of the loop costs one call each way.
//
// A route has an opener, `open(record)`. It is called for each request with a
// Records that stands at it (read it now: it moves on), and returns a sink, or
// null if the request is answered already. A sink has
//
//   what becomeSink (sink.js) gives it:
//   low, high                the halves of the request's id, from the record
//   live                     true; the pump sets false when the answer is whole,
//                              or, if it keeps the body, by `forget` at the end of that
//   headAt, headTurn,        -1; where its HEAD and its last WRITE wait, for the
//   wroteAt, wroteTurn       pump alone
//   and
//   onBody(data, last, text,   more of the body: a Buffer or null; with the last
//   flags)                     piece the trailer fields, as in Records.text, and
//                              their flags, as in Records.fieldFlags
//   onWritable(waiting, mark)  room again: so many bytes wait for the peer, and up
//                              to the mark may, which grows for one that takes much
//   onCancelled(code, cause)   nobody waits any more; the last call
//   onDrain(leftMs)            the session drains
//   onFailed(kind, status)     a command that it gave was refused
//
// None of them may throw. Session events, progress and the end go to `watcher`:
// onSession(record), onProgress(record), onClosed().

const native = require('./native.js')
const { Records } = require('./records.js')
const { Commands } = require('./commands.js')

const C = native.constants
/** Records in one turn of the loop, so that others in it have their turn. */
const SHARE = 64

class Pump {
  #records = new Records()
  #commands = new Commands()
  #sinks = new Map()
  #openers = []
  // Where in the batch, of how many records.
  #at = 0
  #count = 0
  #turning = false
  #goesOn = false // the next share is on its way
  #shareLater = () => this.#share()
  #scheduled = false
  #flushLater = () => {
    this.#scheduled = false
    this.flush()
  }

  constructor (watcher) {
    this.watcher = watcher
    /** The native server: register, listen, start and the other calls. */
    this.server = new native.Server(() => {
      if (!this.#goesOn) this.#share()
    })
  }

  /** Adds a route; gives the status. */
  route (pattern, open) {
    const status = this.server.register(pattern, this.#openers.length)
    if (status === 0) this.#openers.push(open)
    return status
  }

  /** How many requests are not answered yet. */
  get open () {
    return this.#sinks.size
  }

  /** Which submission what is ordered now will go with. */
  get turn () {
    return this.#commands.turn
  }

  /** The sinks of the requests that are not answered yet. */
  sinks () {
    return this.#sinks.values()
  }

  // Records in shares: what one share's requests have left behind, ticks and
  // promises included, is done with before the next, so that little of it lives
  // long enough to be moved by the garbage collector.
  #share () {
    this.#goesOn = false
    this.#turning = true
    let left = SHARE
    try {
      while (left > 0 && this.#next()) {
        left--
        this.#dispatch(this.#records)
      }
      this.flush()
    } finally {
      this.#turning = false
      // Also when the batch is done: a wake-up for the next may have come meanwhile.
      if (left === 0 || this.#at < this.#count) {
        this.#goesOn = true
        setImmediate(this.#shareLater)
      }
    }
  }

  /** Goes to the next record; false if there is none. */
  #next () {
    if (this.#at === this.#count) {
      this.#at = 0
      this.#count = this.#records.take(this.server)
      if (this.#count === 0) {
        this.#records.shrink()
        return false
      }
    }
    this.#records.move(this.#at++)
    return true
  }

  #dispatch (record) {
    const kind = record.kind
    if (kind === C.RECORD_KIND_REQUEST) {
      const sink = this.#openers[record.tag](record)
      if (sink !== null && sink.live) this.#sinks.set(record.id, sink)
      return
    }
    if (kind === C.RECORD_KIND_SESSION) return this.watcher.onSession(record)
    if (kind === C.RECORD_KIND_PROGRESS) return this.watcher.onProgress(record)
    if (kind === C.RECORD_KIND_CLOSED) return this.watcher.onClosed()
    const sink = this.#sinks.get(record.id)
    if (sink !== undefined) this.#tell(kind, record, sink)
  }

  #tell (kind, record, sink) {
    if (kind === C.RECORD_KIND_BODY) {
      const last = (record.flags & C.RECORD_FLAG_END) !== 0
      sink.onBody(record.data, last, last ? record.text : '', last ? record.fieldFlags : '')
    } else if (kind === C.RECORD_KIND_WRITABLE) {
      sink.onWritable(record.number, record.code)
    } else if (kind === C.RECORD_KIND_DRAIN) {
      sink.onDrain(record.number)
    } else if (kind === C.RECORD_KIND_CANCELLED) {
      sink.live = false
      this.#sinks.delete(record.id)
      sink.onCancelled(record.code, record.cause)
    }
  }

  #command (kind, sink, status, flags, fields, data, number) {
    const commands = this.#commands
    if (commands.full) this.flush()
    const index = commands.add(kind, sink, status, flags, fields, data, number)
    if (!this.#turning && !this.#scheduled) {
      this.#scheduled = true
      // After the promises that are due now, so that all their answers go together.
      process.nextTick(this.#flushLater)
    }
    return index
  }

  #finish (sink) {
    sink.live = false
    if (this.#sinks.size > 0) this.#sinks.delete(sink.high * 4294967296 + (sink.low >>> 0))
  }

  /**
   * The whole answer; `flags` are of COMMAND_FLAG_NO_DATE, COMMAND_FLAG_NO_LENGTH and
   * COMMAND_FLAG_KEEP_BODY: with that the sink is told of the rest of the body.
   */
  respond (sink, status, fields, data, flags = 0) {
    this.#command(C.COMMAND_KIND_RESPOND, sink, status, flags, fields, data, 0)
    if ((flags & C.COMMAND_FLAG_KEEP_BODY) === 0) this.#finish(sink)
  }

  /** The head of a streamed answer; `flags` as of `respond`. */
  head (sink, status, fields, flags = 0) {
    sink.headAt = this.#command(C.COMMAND_KIND_HEAD, sink, status, flags, fields, null, 0)
    sink.headTurn = this.#commands.turn
  }

  /** The next piece of it; `notify`: tell when there is room, or, if `sent`, when all of it has left. */
  write (sink, data, notify, sent = false) {
    const flags = sent ? C.COMMAND_FLAG_NOTIFY_SENT : notify ? C.COMMAND_FLAG_NOTIFY : 0
    if (this.#commands.isLarge(data)) {
      this.flush()
      this.#commands.submitLarge(this.server, C.COMMAND_KIND_WRITE, sink, flags, data)
      return
    }
    sink.wroteAt = this.#command(C.COMMAND_KIND_WRITE, sink, 0, flags, null, data, 0)
    sink.wroteTurn = this.#commands.turn
  }

  /** The end of it, with a last piece or null, and trailer fields or null; `flags`: COMMAND_FLAG_KEEP_BODY or 0. */
  end (sink, data, trailers, flags = 0) {
    // Often what went before still waits here to go, and becomes the end itself.
    if (data !== null || trailers !== null || !this.#endEarlier(sink, flags)) {
      this.#command(C.COMMAND_KIND_END, sink, 0, flags, trailers, data, 0)
    }
    if (flags === 0) this.#finish(sink)
  }

  #endEarlier (sink, flags) {
    const commands = this.#commands
    if (sink.wroteTurn === commands.turn) {
      if (sink.headTurn !== commands.turn || !commands.respondAt(sink.headAt, sink.wroteAt, flags)) commands.endAt(sink.wroteAt, flags)
      return true
    }
    return false
  }

  reset (sink, code) {
    this.#command(C.COMMAND_KIND_RESET, sink, 0, 0, null, null, code)
    this.#finish(sink)
  }

  /** Tells the sink nothing more: its session is ended, and its request with it, or the body that it kept. */
  forget (sink) {
    this.#finish(sink)
  }

  /** So many bytes of the body have been used: the peer may send as many more. */
  consume (sink, bytes) {
    this.#command(C.COMMAND_KIND_CONSUME, sink, 0, 0, null, null, bytes)
  }

  inform (sink, status, fields) {
    this.#command(C.COMMAND_KIND_INFORM, sink, status, 0, fields, null, 0)
  }

  setIdle (sink, ms) {
    this.#command(C.COMMAND_KIND_SET_IDLE, sink, 0, 0, null, null, ms)
  }

  setHighWater (sink, bytes) {
    this.#command(C.COMMAND_KIND_SET_HIGH_WATER, sink, 0, 0, null, null, bytes)
  }

  /** Has the sink told of its request's records again, after a refused end. */
  revive (sink) {
    sink.live = true
    this.adopt(sink)
  }

  /** Has a sink told of the records of a request that came in no record. */
  adopt (sink) {
    this.#sinks.set(sink.high * 4294967296 + (sink.low >>> 0), sink)
  }

  /** Submits what waits, also what is added on the way. */
  flush () {
    while (this.#commands.count > 0) this.#commands.submit(this.server)
  }
}

module.exports = { Pump }
