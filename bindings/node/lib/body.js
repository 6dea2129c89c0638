'use strict'

// The body of a request. Flow control (RFC 9113, section 5.2) limits the peer to the
// speed of the reader.

const { GoawayError } = require('./errors.js')

/**
 * How many bytes are consumed before they are reported, unless the peer may be waiting for the
 * window.
 */
const TELL_BYTES = 32 * 1024

const DONE = { value: undefined, done: true }

function ignore () {}

/** An async iterable of the pieces of a body. It can be read once. */
class Body {
  #chunks = []
  #ended = false
  #error = null
  #waiter = null
  #lent = 0
  #consume
  #giveUp
  #looping = false // a loop reads to the end, or reports that it stops
  #isRead = false // a loop has begun, or the end was returned

  /** `consume(bytes)` reports consumed bytes; `giveUp()` is called when the rest stays unread. */
  constructor (consume, giveUp) {
    this.#consume = consume
    this.#giveUp = giveUp
  }

  /**
   * Adds pieces; called by the request. `counted` is the number of bytes that flow control counts.
   */
  push (chunk, last, counted) {
    if (last) this.#ended = true
    if (chunk !== null) {
      this.#chunks.push(chunk)
      if (!counted) this.#lent -= chunk.length
    }
    this.#wake()
  }

  /** The peer has left. Received pieces may still be read; then the error is thrown. */
  fail (error) {
    if (this.#ended) return
    this.#error = error
    this.#wake()
  }

  get ended () {
    return this.#ended
  }

  /** Whether somebody reads the body and has not reached its end. */
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

  // The piece before has been used by now.
  #giveBack () {
    if (this.#lent >= TELL_BYTES || (this.#lent > 0 && this.#chunks.length === 0 && !this.#ended)) {
      this.#consume(this.#lent)
      this.#lent = 0
    }
  }

  /** The next piece. A rejection because the peer has left is marked as handled. */
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

  /** Leaves the rest unread. Flow control holds it back until the response ends. */
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
