'use strict'

// The header fields of a response of the compatibility API, before they are sent.

const { failure, wrongType, wrongValue } = require('./errors.js')

/** A token (RFC 9110, section 5.6.2). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Names that were valid before, in the form in which they are sent. Programs use few names. */
const known = new Map()
const KNOWN_MAX = 1000

/** Returns the name of a field in lower case. Throws if it is invalid. */
function checkName (name) {
  const seen = known.get(name)
  if (seen !== undefined) return seen
  if (typeof name !== 'string') throw wrongType('name', 'string', name)
  const key = name.trim().toLowerCase()
  if (key.startsWith(':')) throw failure('ERR_HTTP2_PSEUDOHEADER_NOT_ALLOWED')
  if (!TOKEN.test(key)) throw failure('ERR_INVALID_HTTP_TOKEN', 'Header name', name)
  if (known.size < KNOWN_MAX) known.set(name, key)
  return key
}

function checkValue (name, value) {
  if (value === undefined || value === null) throw failure('ERR_HTTP2_INVALID_HEADER_VALUE', value, name)
}

let warned = false

// RFC 9113, section 8.2.2: connection-specific fields. Programs for HTTP/1 set them, so
// they are ignored.
function isDropped (name, value) {
  if (name !== 'connection' || value === 'trailers') return false
  if (!warned) {
    warned = true
    process.emitWarning('The provided connection header is not valid, the value will be dropped from the header and will never be in use.', 'UnsupportedWarning')
  }
  return true
}

const flatOf = (list) => Array.isArray(list[0]) ? list.flat(1) : list

/** Throws if the fields of writeHead are a list in which a value is missing. */
function checkList (headers) {
  if (Array.isArray(headers) && flatOf(headers).length % 2 !== 0) throw wrongValue('headers', headers)
}

class ResponseHeaders {
  #fields = { __proto__: null }

  #keyOf (name) {
    if (typeof name !== 'string') throw wrongType('name', 'string', name)
    return known.get(name) ?? name.trim().toLowerCase()
  }

  get (name) { return this.#fields[this.#keyOf(name)] }
  has (name) { return this.#fields[this.#keyOf(name)] !== undefined }
  names () { return Object.keys(this.#fields) }
  copy () { return Object.assign({ __proto__: null }, this.#fields) }

  /** `name` is a result of checkName, here and below. */
  set (name, value) {
    if (!isDropped(name, value)) this.#fields[name] = value
  }

  append (name, value) {
    if (isDropped(name, value)) return
    const before = this.#fields[name]
    this.#fields[name] = before === undefined ? value : [].concat(before, value)
  }

  remove (name) { delete this.#fields[name] }

  /**
   * A copy with the fields of writeHead added. If they cannot be sent, the original is unchanged.
   */
  merged (headers) {
    const copy = new ResponseHeaders()
    Object.assign(copy.#fields, this.#fields)
    copy.merge(headers)
    return copy
  }

  /** Adds the fields of writeHead: an object, a flat list, or pairs, checked by checkList. */
  merge (headers) {
    if (!Array.isArray(headers)) {
      for (const name of Object.keys(headers)) this.#mergeOne(name, headers[name])
      return
    }
    const flat = flatOf(headers)
    for (let at = 0; at < flat.length; at += 2) this.remove(checkName(flat[at]))
    for (let at = 0; at < flat.length; at += 2) {
      const name = checkName(flat[at])
      checkValue(name, flat[at + 1])
      this.append(name, flat[at + 1])
    }
  }

  #mergeOne (name, value) {
    const key = checkName(name)
    checkValue(key, value)
    this.set(key, value)
  }

  /** The fields for the stream. They do not change after this call. */
  get fields () { return this.#fields }
}

module.exports = { ResponseHeaders, checkName, checkValue, checkList }
