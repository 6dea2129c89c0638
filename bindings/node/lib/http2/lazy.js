'use strict'

// What a stream of node:stream needs costs as much as all the rest of a short
// request, and most requests are answered without it: here it is made when
// somebody first looks.

const { Readable, Stream } = require('node:stream')

const kState = Symbol('state')

/** A Readable, once it is used as one: then `becameReadable` is called. Those that extend it have that and `readableOptions`. */
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

/** Whether somebody has used it as a Readable. */
function isReadable (lazy) {
  return lazy[kState] !== undefined
}

/** A Stream whose listeners have no place before there are any. */
function LazyStream () {}
Object.setPrototypeOf(LazyStream, Stream)
LazyStream.prototype = Object.create(Stream.prototype, {
  constructor: { value: LazyStream, configurable: true, writable: true }
})

module.exports = { LazyReadable, LazyStream, isReadable }
