'use strict'

// The state of a node:stream stream costs as much as the rest of a short request, and
// most responses need none. It is therefore created on first use.

const { Readable, Stream } = require('node:stream')

const kState = Symbol('state')

/**
 * A Readable whose state is created on first use: then `becameReadable` is called. Subclasses have
 * that method and `readableOptions`.
 */
function LazyReadable () {}
Object.setPrototypeOf(LazyReadable, Readable)
LazyReadable.prototype = Object.create(Readable.prototype, {
  constructor: { value: LazyReadable, configurable: true, writable: true },
  _readableState: {
    get () {
      if (this[kState] === undefined) {
        Readable.call(this, this.readableOptions)
        this.becameReadable()
      }
      return this[kState]
    },
    set (state) { this[kState] = state },
    configurable: true
  }
})

/** Whether the stream was used as a Readable. */
function isReadable (lazy) {
  return lazy[kState] !== undefined
}

/** A Stream whose table of listeners is created with the first listener. */
function LazyStream () {}
Object.setPrototypeOf(LazyStream, Stream)
LazyStream.prototype = Object.create(Stream.prototype, {
  constructor: { value: LazyStream, configurable: true, writable: true }
})

module.exports = { LazyReadable, LazyStream, isReadable }
