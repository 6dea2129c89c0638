'use strict'

// The body of a request as it is read: at the reader's pace, which flow control
// (RFC 9113, section 5.2) passes on to the peer.

const { GoawayError } = require('./errors.js')

/** So many bytes are used before the peer is told, unless it may be waiting for it. */
const TELL_BYTES = 32 * 1024

const DONE = { value: undefined, done: true }

function ignore () {}

/** Resolves to the next piece; of those who await one at a time. It can be read once. */
class Body {
  #chunks = []
  #ended = false
  #error = null
  #waiter = null
  #lent = 0
  #consume
  #giveUp
  #looping = false // a loop goes on to the end, or says when it does not
  #isRead = false // a loop has begun, or the end was given

  /** `consume(bytes)` tells the peer that so much has been used; `giveUp()` is called when the rest is left unread. */
  constructor (consume, giveUp) {
    this.#consume = consume
    this.#giveUp = giveUp
  }

  /** Pieces come in; called by the request. Bytes in `counted` are of flow control. */
  push (chunk, last, counted) {
    if (last) this.#ended = true
    if (chunk !== null) {
      this.#chunks.push(chunk)
      if (!counted) this.#lent -= chunk.length
    }
    this.#wake()
  }

  /** The peer has gone: what has come may still be read, then this is thrown. */
  fail (error) {
    if (this.#ended) return
    this.#error = error
    this.#wake()
  }

  get ended () {
    return this.#ended
  }

  /** Whether somebody reads it and has not got the end. */
  get isRead () {
    return !this.#ended && (this.#looping || this.#waiter !== null)
  }

  #wake () {
    if (this.#waiter === null || (this.#chunks.length === 0 && !this.#ended && this.#error === null)) return
    const { resolve, reject } = this.#waiter
    this.#waiter = null
    this.#next(resolve, reject)
  }

  #next (resolve, reject) {
    if (this.#chunks.length > 0) {
      const chunk = this.#chunks.shift()
      this.#lent += chunk.length
      resolve({ value: chunk, done: false })
    } else if (this.#error !== null) {
      reject(this.#error)
    } else {
      this.#isRead = true
      resolve(DONE)
    }
  }

  // What was lent before has been used by now.
  #giveBack () {
    if (this.#lent >= TELL_BYTES || (this.#lent > 0 && this.#chunks.length === 0 && !this.#ended)) {
      this.#consume(this.#lent)
      this.#lent = 0
    }
  }

  /** The next piece. A rejection since the peer has gone is marked as handled. */
  next () {
    if (this.#error === null) this.#giveBack()
    if (this.#waiter !== null) return Promise.reject(new GoawayError('GOAWAY_ERR_STATE', 'the body is being read already'))
    const next = new Promise((resolve, reject) => {
      if (this.#chunks.length > 0 || this.#ended || this.#error !== null) this.#next(resolve, reject)
      else this.#waiter = { resolve, reject }
    })
    next.catch(ignore)
    return next
  }

  /** Leaves the rest unread; flow control holds it back until the response ends. */
  return () {
    this.#looping = false
    if (!this.#ended) this.#giveUp()
    return Promise.resolve(DONE)
  }

  [Symbol.asyncIterator] () {
    if (this.#isRead) throw new GoawayError('GOAWAY_ERR_STATE', 'the body was read already: it comes once')
    this.#isRead = true
    this.#looping = true
    return this
  }
}

module.exports = { Body }
