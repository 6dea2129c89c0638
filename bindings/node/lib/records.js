'use strict'

// A batch in memory: records of fixed size, and the arena of their offsets (goaway_record
// and goaway_batch in goaway.h). One object moves through the batch, so that reading a
// record allocates nothing.

const native = require('./native.js')

const WORDS = 16 // 32-bit words in a record
const TEXT_WINDOW = 4096
const LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
/** The positions of the halves of a 64-bit number, in 32-bit words. */
const LOW = LITTLE ? 0 : 1
const HIGH = LITTLE ? 1 : 0
const LARGE_BYTES = 1 << 20
const CALM_TURNS = 256

/** The current record of a batch. It is valid until the next batch is taken. */
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

  /** Takes the next batch. Returns the number of records. */
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

  /** Frees the memory of a batch that was far larger than the later ones. */
  shrink () {
    if (this.#arena.length <= LARGE_BYTES) return
    if (this.sizes[1] > LARGE_BYTES) this.#calm = 0
    else if (++this.#calm > CALM_TURNS) this.#grow(256, 65536)
  }

  /** Moves to the record with this index. */
  move (number) {
    this.at = number * WORDS
  }

  /** One of native.constants.RECORD_KIND_. */
  get kind () { return this.#halves[this.at * 2] }
  /** Bits of native.constants.RECORD_FLAG_*. */
  get flags () { return this.#halves[this.at * 2 + 1] }
  get tag () { return this.#words[this.at + 1] }
  /** The halves of the request's id, as in commands. */
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

  /** The text, with one character for each byte. A NUL follows each piece. */
  get text () {
    const start = this.#words[this.at + 8]
    const end = start + this.#words[this.at + 9]
    if (start < this.#textStart || end > this.#textEnd) {
      // Decoded for several records at once, but not for too many: a request that lives
      // long would keep the text of a large batch in memory.
      this.#textStart = start
      this.#textEnd = Math.min(Math.max(end, start + TEXT_WINDOW), this.sizes[1])
      this.#text = this.#arena.latin1Slice(start, this.#textEnd)
    }
    return this.#text.substring(start - this.#textStart, end - this.#textStart)
  }

  /**
   * The values of the cookie fields as received, each followed by a NUL, if there were several;
   * otherwise ''. The text has them as one field.
   */
  get cookies () {
    if ((this.flags & native.constants.RECORD_FLAG_COOKIES) === 0) return ''
    const words = this.#words
    return this.#arena.latin1Slice(words[this.at + 8] + words[this.at + 9], words[this.at + 10])
  }

  /**
   * A character for each field of the text, if one was sent as never indexed: '\x01' for such a
   * field and '\0' for others; otherwise ''.
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
