'use strict'

// A batch as it lies in memory: fixed-size records and the arena that their
// offsets go into (goaway_record and goaway_batch in goaway.h). One object is
// moved along the batch, so that reading a record makes nothing.

const native = require('./native.js')

const WORDS = 16 // of 32 bits, in a record
const TEXT_WINDOW = 4096
const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
/** Where the halves of a 64-bit number stand, counted in 32-bit words. */
const LOW = LITTLE ? 0 : 1
const HIGH = LITTLE ? 1 : 0
const LARGE_BYTES = 1 << 20
const CALM_TURNS = 256

/** The record that `move` went to. It is valid until the next batch is taken. */
class Records {
  constructor () {
    this.sizes = new Uint32Array(2)
    this.sizesBytes = new Uint8Array(this.sizes.buffer)
    this.#grow(256, 65536)
    this.at = 0
    this.#forgetText()
  }

  #words
  #bytes
  #halves
  #arena
  #text
  #textStart
  #textEnd
  #calm = 0

  #grow (records, arena) {
    const memory = new ArrayBuffer(records * 64)
    this.#words = new Int32Array(memory)
    this.#halves = new Uint16Array(memory)
    this.#bytes = new Uint8Array(memory)
    this.#arena = Buffer.allocUnsafeSlow(arena)
  }

  #forgetText () {
    this.#text = ''
    this.#textStart = 0
    this.#textEnd = 0
  }

  /** Takes the batch that waits, and gives how many records it has. */
  take (server) {
    this.#forgetText()
    let count = server.take(this.#bytes, this.#arena, this.sizesBytes)
    if (count < 0) {
      const records = Math.max(this.sizes[0], this.#bytes.length / 64)
      this.#grow(records, Math.max(this.sizes[1], this.#arena.length))
      count = server.take(this.#bytes, this.#arena, this.sizesBytes)
    }
    return count
  }

  /** Gives back the memory of a batch that was far larger than those since. */
  shrink () {
    if (this.#arena.length <= LARGE_BYTES) return
    if (this.sizes[1] > LARGE_BYTES) this.#calm = 0
    else if (++this.#calm > CALM_TURNS) this.#grow(256, 65536)
  }

  /** Goes to the record of that number, counted from 0. */
  move (number) {
    this.at = number * WORDS
  }

  /** One of native.constants.RECORD_KIND_. */
  get kind () { return this.#halves[this.at * 2] }
  /** Bits of native.constants.RECORD_FLAG_END, RECORD_FLAG_HEAD, RECORD_FLAG_DRAINING, RECORD_FLAG_HTTP_1_1 and RECORD_FLAG_HTTP_1_0. */
  get flags () { return this.#halves[this.at * 2 + 1] }
  get tag () { return this.#words[this.at + 1] }
  /** The halves of the request's id, as a command wants them. */
  get low () { return this.#words[this.at + 2 + LOW] }
  get high () { return this.#words[this.at + 2 + HIGH] }
  /** The request's id as a number. */
  get id () { return this.#wide(2) }
  get sessionLow () { return this.#words[this.at + 4 + LOW] }
  get sessionHigh () { return this.#words[this.at + 4 + HIGH] }
  /** The session's id as a number. */
  get session () { return this.#wide(4) }
  get code () { return this.#words[this.at + 12] >>> 0 }
  get cause () { return this.#words[this.at + 13] }
  get number () { return this.#words[this.at + 14] >>> 0 }
  get fields () { return this.#halves[this.at * 2 + 30] }
  get params () { return this.#halves[this.at * 2 + 31] }
  get dataLength () { return this.#words[this.at + 11] }

  /** Each byte of the text as one character, the pieces with a NUL behind each. */
  get text () {
    const start = this.#words[this.at + 8]
    const end = start + this.#words[this.at + 9]
    if (start < this.#textStart || end > this.#textEnd) {
      // Decoded for several records at once, but not for so many that one
      // request that lives long keeps the texts of a large batch.
      this.#textStart = start
      this.#textEnd = Math.min(Math.max(end, start + TEXT_WINDOW), this.sizes[1])
      this.#text = this.#arena.latin1Slice(start, this.#textEnd)
    }
    return this.#text.substring(start - this.#textStart, end - this.#textStart)
  }

  /**
   * If several cookie fields came, the value of each as it came, a NUL behind
   * each; otherwise ''. In the text they are one field.
   */
  get cookies () {
    if ((this.flags & native.constants.RECORD_FLAG_COOKIES) === 0) return ''
    const words = this.#words
    return this.#arena.latin1Slice(words[this.at + 8] + words[this.at + 9], words[this.at + 10])
  }

  /**
   * If a field came as one that is never indexed: a character for each field of
   * the text, '\x01' of such a one and '\0' of others; otherwise ''.
   */
  get fieldFlags () {
    if ((this.flags & native.constants.RECORD_FLAG_SENSITIVE) === 0) return ''
    const start = this.#words[this.at + 8]
    return this.#arena.latin1Slice(start - this.fields, start)
  }

  /** A copy of the data, or null if there is none. */
  get data () {
    const length = this.#words[this.at + 11]
    if (length === 0) return null
    const copy = Buffer.allocUnsafe(length)
    const start = this.#words[this.at + 10]
    this.#arena.copy(copy, 0, start, start + length)
    return copy
  }

  #wide (word) {
    const words = this.#words
    return words[this.at + word + HIGH] * 4294967296 + (words[this.at + word + LOW] >>> 0)
  }
}

module.exports = { Records, LOW, HIGH, kinds: native.constants }
