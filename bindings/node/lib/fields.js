'use strict'

// Header and trailer fields of a program. They are checked here by the rules of the
// library (src/request/field.rs), so that an invalid field throws in the call that has
// it, and not when the library reads the command.

const native = require('./native.js')
const { GoawayError } = require('./errors.js')

/** The first character of the name of a sensitive field. */
const SENSITIVE = native.constants.FIELD_SENSITIVE

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const NAME_MAX = 65535
/** No control character except HTAB, no white space at an end. Each character is one byte. */
const VALUE = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/
const DIGITS = /^[0-9]+$/
const CLOSE = /^[\t ]*close[\t ]*$/i
const LENGTH_MAX = 0xffffffffffffffffn
const FIELDS_MAX = 10_000

// The rules for a name, as bits.
const OF_CONNECTION = 1 // RFC 9113, section 8.2.2
const NOT_IN_TRAILERS = 2 // RFC 9110, section 6.5.1
const IS_LENGTH = 4
const IS_CONNECTION = 8

const MEANINGS = new Map()
for (const name of ['keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te']) MEANINGS.set(name, OF_CONNECTION)
MEANINGS.set('connection', OF_CONNECTION | IS_CONNECTION)
for (const name of ['content-encoding', 'content-range', 'content-type', 'host', 'trailer']) MEANINGS.set(name, NOT_IN_TRAILERS)
MEANINGS.set('content-length', NOT_IN_TRAILERS | IS_LENGTH)

/**
 * Names that were checked before, as the program has written them: { name, meaning }. Programs use
 * few names.
 */
const known = new Map()
const KNOWN_MAX = 1000

function invalid (text) {
  return new GoawayError('GOAWAY_ERR_INVALID', text)
}

/** The rules for a name: { name, meaning }, with `name` in lower case. */
function nameOf (given) {
  const seen = known.get(given)
  if (seen !== undefined) return seen
  if (typeof given !== 'string') throw invalid(`a header field's name is ${typeof given}, not a string`)
  const isSensitive = given.charCodeAt(0) === SENSITIVE
  const bare = isSensitive ? given.slice(1) : given
  if (!TOKEN.test(bare) || bare.length > NAME_MAX) throw invalid(`${JSON.stringify(bare.slice(0, 100))} is no name of a header field`)
  const lower = bare.toLowerCase()
  let meaning = MEANINGS.get(lower) ?? 0
  // Fields of the connection cannot be sensitive: the library accepts them only without
  // the mark.
  if (isSensitive && (meaning & IS_CONNECTION) !== 0) meaning = OF_CONNECTION
  const found = { name: isSensitive ? given[0] + lower : lower, meaning }
  if (known.size < KNOWN_MAX && given.length < 100) known.set(given, found)
  return found
}

function valueOf (name, given) {
  const value = typeof given === 'number' || typeof given === 'bigint' ? String(given) : given
  if (typeof value !== 'string') throw invalid(`the header field "${name}" is ${given === null ? 'null' : typeof given}, not a string or a number`)
  if (!VALUE.test(value)) throw invalid(`the value of the header field "${name}" has ${faultOf(value)}`)
  return value
}

function faultOf (value) {
  return /^[\t ]|[\t ]$/.test(value) ? 'white space at an end' : 'a character that HTTP does not allow'
}

/**
 * A header or trailer section. `list` is what the library gets: [name, value, name, value, ...].
 */
class Section {
  list = []
  /** The value of `content-length`; -1 if there is none. */
  length = -1

  /**
   * `given` is an object of names and values (an array has several fields of one name), a flat
   * array of names and values, or pairs in an array or another iterable, such as a Map or Headers.
   * null and undefined are an empty section.
   */
  read (given) {
    if (given === null || given === undefined) return this
    if (typeof given !== 'object') throw invalid(`header fields are ${typeof given}, not an object, an array or pairs`)
    if (Array.isArray(given)) this.#readArray(given)
    else if (typeof given[Symbol.iterator] === 'function') this.#readPairs(given)
    else for (const name of Object.keys(given)) this.#add(name, given[name])
    return this
  }

  #readArray (given) {
    if (given.length > 0 && Array.isArray(given[0])) return this.#readPairs(given)
    if (given.length % 2 !== 0) throw invalid('a flat list of header fields has a name without a value')
    for (let at = 0; at < given.length; at += 2) this.#add(given[at], given[at + 1])
  }

  #readPairs (given) {
    for (const pair of given) {
      if (!Array.isArray(pair) || pair.length !== 2) throw invalid('one of the pairs of header fields is not [name, value]')
      this.#add(pair[0], pair[1])
    }
  }

  #add (given, value) {
    const { name, meaning } = nameOf(given)
    if (Array.isArray(value)) {
      for (const one of value) this.#put(name, meaning, valueOf(name, one))
    } else {
      this.#put(name, meaning, valueOf(name, value))
    }
  }

  #put (name, meaning, value) {
    if (meaning !== 0) this.check(name, meaning, value)
    if (this.list.length === 2 * FIELDS_MAX) throw new GoawayError('GOAWAY_ERR_TOO_LARGE', `there are more than ${FIELDS_MAX} fields`)
    this.list.push(name, value)
  }

  check (name, meaning) {
    if ((meaning & OF_CONNECTION) !== 0) throw invalid(`the header field "${name}" is the connection's, and the library's to write`)
  }
}

/** The header section of a response. */
class HeadSection extends Section {
  #isHttp1

  constructor (isHttp1) {
    super()
    this.#isHttp1 = isHttp1
  }

  check (name, meaning, value) {
    if ((meaning & IS_LENGTH) !== 0) this.#announce(value)
    // RFC 9112, section 9.6: the connection ends after the response.
    else if (this.#isHttp1 && (meaning & IS_CONNECTION) !== 0) checkClose(value)
    else super.check(name, meaning)
  }

  #announce (value) {
    if (this.length !== -1) throw invalid('there are two content-length fields')
    if (!DIGITS.test(value) || (value.length > 15 && BigInt(value) > LENGTH_MAX)) throw invalid(`content-length is ${JSON.stringify(value)}, which is no length`)
    this.length = Number(value)
  }
}

function checkClose (value) {
  const isClose = value.split(',').every((token) => CLOSE.test(token))
  if (!isClose) throw invalid('in a response of HTTP/1.1 "connection" may say close, and nothing else')
}

class TrailerSection extends Section {
  check (name, meaning) {
    if ((meaning & NOT_IN_TRAILERS) !== 0) throw invalid(`the field "${name}" is not allowed in trailers`)
    super.check(name, meaning)
  }
}

/** Each function throws for invalid fields, and returns a Section. */
const headFields = (given, isHttp1) => new HeadSection(isHttp1).read(given)
const informFields = (given) => new Section().read(given)
const trailerFields = (given) => new TrailerSection().read(given)

module.exports = { headFields, informFields, trailerFields, invalid }
