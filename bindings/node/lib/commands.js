'use strict'

// The commands of one turn of the event loop, in the layout of the library
// (goaway_command in goaway.h): commands of fixed size, and an arena for their fields and
// data.

const native = require('./native.js')
const { GoawayError } = require('./errors.js')
const { LOW, HIGH } = require('./records.js')

const WORDS = 10 // 32-bit words in a command
const ROOM = 512
const ARENA_BYTES = 64 * 1024
const FULL_BYTES = 256 * 1024
const SHORT = 48 // characters; shorter texts are faster to write one by one
const LARGE_BYTES = 32 * 1024 // longer data is passed without a copy
const SENSITIVE = native.constants.FIELD_SENSITIVE
const NO_LENGTH = native.constants.COMMAND_FLAG_NO_LENGTH
const SKIPPED = native.constants.ERR_SKIPPED

// 1: a character of a field name. Capitals are converted to lower case.
const TOKEN = new Uint8Array(256)
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") TOKEN[character.charCodeAt(0)] = 1

function invalid (text) {
  return new GoawayError('GOAWAY_ERR_INVALID', text)
}

/** Commands that wait to be submitted together. */
class Commands {
  #memory = new ArrayBuffer(ROOM * WORDS * 4)
  #words = new Int32Array(this.#memory)
  #halves = new Uint16Array(this.#memory)
  #bytes = new Uint8Array(this.#memory)
  #statuses = new Uint32Array(ROOM)
  #statusBytes = new Uint8Array(this.#statuses.buffer)
  #owners = new Array(ROOM).fill(null)
  #arena = Buffer.allocUnsafeSlow(ARENA_BYTES)
  #used = 0
  #fieldsAt = 0

  constructor () {
    /** The number of waiting commands. */
    this.count = 0
    /** The number of the next submission. */
    this.turn = 0
  }

  /** Whether the waiting commands should be submitted before another is added. */
  get full () {
    return this.count === ROOM || this.#used >= FULL_BYTES
  }

  /**
   * Adds a command for `owner`, which has the halves of the request's id. `fields` is a flat list
   * of names and values (strings) or null; `data` is a string (UTF-8), a Uint8Array or null. Throws
   * a GoawayError and adds nothing if a field or the data are invalid.
   */
  add (kind, owner, status, flags, fields, data, number) {
    const start = this.#used
    let fieldsEnd = start
    try {
      if (fields !== null && fields !== undefined) this.#putFields(fields)
      fieldsEnd = this.#used
      if (data !== null && data !== undefined) this.#putData(data)
    } catch (error) {
      this.#used = start
      throw error
    }
    const index = this.count++
    const at = index * WORDS
    const words = this.#words
    this.#halves[at * 2] = kind
    this.#halves[at * 2 + 1] = status
    words[at + 1] = flags
    words[at + 2 + LOW] = owner.low
    words[at + 2 + HIGH] = owner.high
    words[at + 4] = start
    words[at + 5] = fieldsEnd - start
    words[at + 6] = fieldsEnd
    words[at + 7] = this.#used - fieldsEnd
    words[at + 8 + LOW] = number
    words[at + 8 + HIGH] = number > 0xffffffff ? Math.floor(number / 4294967296) : 0
    this.#owners[index] = owner
    return index
  }

  /** Whether a piece of a body is large enough for `submitLarge`. */
  isLarge (data) {
    return typeof data === 'object' && data !== null && data.length >= LARGE_BYTES
  }

  /** Submits a command without fields whose data is large: the data itself is the arena. */
  submitLarge (server, kind, owner, flags, data) {
    this.add(kind, owner, 0, flags, null, null, 0)
    this.#words[6] = 0
    this.#words[7] = data.length
    this.#submit(server, data, data.length)
  }

  /** Converts the WRITE with this index to the END of the response, with these flags. */
  endAt (index, flags) {
    this.#halves[index * WORDS * 2] = native.constants.COMMAND_KIND_END
    this.#words[index * WORDS + 1] = flags
  }

  /**
   * Joins a HEAD and a WRITE to one RESPOND, if they are the last two commands and the response has
   * no `content-length`. `flags` are added. Returns whether it did.
   */
  respondAt (head, write, flags) {
    const words = this.#words
    const at = head * WORDS
    if (write !== head + 1 || write !== this.count - 1 || (words[at + 1] & NO_LENGTH) === 0) return false
    this.#halves[at * 2] = native.constants.COMMAND_KIND_RESPOND
    words[at + 1] |= flags
    words[at + 6] = words[at + WORDS + 6]
    words[at + 7] = words[at + WORDS + 7]
    this.#owners[write] = null
    this.count = write
    return true
  }

  /**
   * Submits the waiting commands. Each failure is reported to its owner: `onFailed(kind, status)`.
   */
  submit (server) {
    this.#submit(server, this.#arena, this.#used)
  }

  #submit (server, arena, length) {
    const count = this.count
    const status = server.submit(this.#bytes, count, arena, length, this.#statusBytes)
    this.count = 0
    this.turn++
    this.#used = 0
    if (this.#arena.length > FULL_BYTES * 4) this.#arena = Buffer.allocUnsafeSlow(ARENA_BYTES)
    const failures = status === 0 ? null : this.#failures(count)
    this.#owners.fill(null, 0, count)
    if (failures !== null) for (const { owner, kind, status } of failures) owner.onFailed(kind, status)
  }

  // Copied first, because an owner may add commands when it learns of a failure. Skipped
  // commands follow a failure that was reported.
  #failures (count) {
    const failures = []
    for (let index = 0; index < count; index++) {
      const status = this.#statuses[index]
      if (status !== 0 && status !== SKIPPED) failures.push({ owner: this.#owners[index], kind: this.#halves[index * WORDS * 2], status })
    }
    return failures
  }

  #reserve (length) {
    const need = this.#used + length
    if (need <= this.#arena.length) return
    let size = this.#arena.length * 2
    while (size < need) size *= 2
    const larger = Buffer.allocUnsafeSlow(size)
    this.#arena.copy(larger, 0, 0, this.#used)
    this.#arena = larger
  }

  #putData (data) {
    if (typeof data !== 'string') {
      if (!(data instanceof Uint8Array)) throw invalid('a body is a string or a Uint8Array')
      this.#reserve(data.length)
      this.#arena.set(data, this.#used)
      this.#used += data.length
      return
    }
    this.#reserve(data.length < ARENA_BYTES ? data.length * 3 : Buffer.byteLength(data))
    const arena = this.#arena
    const start = this.#used
    const length = data.length
    if (length <= SHORT) {
      let index = 0
      for (; index < length; index++) {
        const character = data.charCodeAt(index)
        if (character > 127) break
        arena[start + index] = character
      }
      if (index === length) {
        this.#used = start + length
        return
      }
    }
    this.#used += arena.utf8Write(data, start)
  }

  #putFields (fields) {
    for (let index = 0; index < fields.length; index += 2) this.#putField(fields[index], fields[index + 1])
  }

  #putField (name, value) {
    this.#reserve(name.length + value.length + 2)
    this.#putName(name)
    this.#putValue(name, value)
  }

  #putName (name) {
    const arena = this.#arena
    let at = this.#used
    for (let index = 0; index < name.length; index++) {
      let character = name.charCodeAt(index)
      if (character >= 65 && character <= 90) character |= 32
      if (TOKEN[character] !== 1 && !(character === SENSITIVE && index === 0)) throw invalid(`"${name}" is no name of a header field`)
      arena[at++] = character
    }
    if (name.length === 0) throw invalid('a header field has no name')
    arena[at++] = 0
    this.#used = at
  }

  #putValue (name, value) {
    const arena = this.#arena
    let at = this.#used
    for (let index = 0; index < value.length; index++) {
      const character = value.charCodeAt(index)
      if ((character < 32 && character !== 9) || character === 127 || character > 255) {
        throw invalid(`the value of the header field "${name}" has a character that HTTP does not allow`)
      }
      arena[at++] = character
    }
    arena[at++] = 0
    this.#used = at
  }
}

module.exports = { Commands, kinds: native.constants }
