'use strict'

// Takes a batch of records at each wake-up, passes each record to its receiver, and
// collects commands, so that one turn of the event loop costs one call in each direction.
//
// A route has an opener, `open(record)`, which is called for each request. Its argument is a
// Records at the REQUEST record (valid during the call). It returns a sink, or null if the
// response was sent already. A sink has
//
//   the members that becomeSink (sink.js) sets:
//   low, high                the halves of the request's id
//   live                     true; the pump sets it to false at the end of the response, or
//                              `forget` does at the end of a kept body
//   headAt, headTurn,        -1; the positions of its waiting HEAD and last WRITE, used
//   wroteAt, wroteTurn       by the pump only
//   and the methods
//   onBody(data, last, text,   a piece of the body: a Buffer or null. The last one has the
//   flags)                     trailer fields, as in Records.text, and their flags, as in
//                              Records.fieldFlags
//   onWritable(waiting, mark)  there is room: `waiting` bytes wait for the peer, and the
//                              high-water mark is `mark`, which grows for a fast peer
//   onCancelled(code, cause)   the request was cancelled; the last call
//   onDrain(leftMs)            the session drains
//   onFailed(kind, status)     the library has refused a command of the sink
//
// None of them may throw. Session events, progress and the end go to `watcher`:
// onSession(record), onProgress(record), onClosed().

const native = require('./native.js')
const { Records } = require('./records.js')
const { Commands } = require('./commands.js')

const C = native.constants
/** How many records one turn of the event loop handles, so that other events have their turn. */
const SHARE = 64

class Pump {
  #records = new Records()
  #commands = new Commands()
  #sinks = new Map()
  #openers = []
  // The position in the batch, and the number of its records.
  #at = 0
  #count = 0
  #turning = false
  #goesOn = false // the next part of the batch is scheduled
  #shareLater = () => this.#share()
  #scheduled = false
  #flushLater = () => {
    this.#scheduled = false
    this.flush()
  }

  constructor (watcher) {
    this.watcher = watcher
    /** The native server: register, listen, start and other calls. */
    this.server = new native.Server(() => {
      if (!this.#goesOn) this.#share()
    })
  }

  /** Adds a route. Returns the status. */
  route (pattern, open) {
    const status = this.server.register(pattern, this.#openers.length)
    if (status === 0) this.#openers.push(open)
    return status
  }

  /** The number of incomplete requests. */
  get open () {
    return this.#sinks.size
  }

  /** The number of the submission that the next command belongs to. */
  get turn () {
    return this.#commands.turn
  }

  /** The sinks of the incomplete requests. */
  sinks () {
    return this.#sinks.values()
  }

  // A batch is handled in parts. Ticks and promises of one part run before the next, so
  // that few objects live long enough to be moved by the garbage collector.
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
      // Also at the end of the batch, because the wake-up for the next one may have been
      // missed.
      if (left === 0 || this.#at < this.#count) {
        this.#goesOn = true
        setImmediate(this.#shareLater)
      }
    }
  }

  /** Moves to the next record. False if there is none. */
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
      // After the promises that are due now, so that all their commands are submitted
      // together.
      process.nextTick(this.#flushLater)
    }
    return index
  }

  #finish (sink) {
    sink.live = false
    if (this.#sinks.size > 0) this.#sinks.delete(sink.high * 4294967296 + (sink.low >>> 0))
  }

  /**
   * Sends the whole response. `flags`: COMMAND_FLAG_NO_DATE, COMMAND_FLAG_NO_LENGTH and
   * COMMAND_FLAG_KEEP_BODY. With the last one the sink gets the rest of the body.
   */
  respond (sink, status, fields, data, flags = 0) {
    this.#command(C.COMMAND_KIND_RESPOND, sink, status, flags, fields, data, 0)
    if ((flags & C.COMMAND_FLAG_KEEP_BODY) === 0) this.#finish(sink)
  }

  /** Begins a streamed response. `flags` are as for `respond`. */
  head (sink, status, fields, flags = 0) {
    sink.headAt = this.#command(C.COMMAND_KIND_HEAD, sink, status, flags, fields, null, 0)
    sink.headTurn = this.#commands.turn
  }

  /**
   * Writes the next piece. `notify`: report when there is room, or with `sent`, when everything was
   * sent.
   */
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

  /**
   * Ends the response, with a last piece or null, and trailer fields or null. `flags`:
   * COMMAND_FLAG_KEEP_BODY or 0.
   */
  end (sink, data, trailers, flags = 0) {
    // The command before often still waits here, and becomes the end itself.
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

  /** Reports nothing more to the sink: its session has ended, or the body that it has kept. */
  forget (sink) {
    this.#finish(sink)
  }

  /** Reports consumed bytes of the body: the peer may send as many more. */
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

  /** Reports the records of the sink's request again, after a refused end. */
  revive (sink) {
    sink.live = true
    this.adopt(sink)
  }

  /** Registers a sink for a request without a REQUEST record. */
  adopt (sink) {
    this.#sinks.set(sink.high * 4294967296 + (sink.low >>> 0), sink)
  }

  /** Submits the waiting commands, including those that are added meanwhile. */
  flush () {
    while (this.#commands.count > 0) this.#commands.submit(this.server)
  }
}

module.exports = { Pump }
