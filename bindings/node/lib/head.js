'use strict'

// The head of a request. The library's text is split on first use, and each view of it is
// created once.

const { constants: C } = require('./native.js')

const ASCII = /^[\x00-\x7f]*$/ // eslint-disable-line no-control-regex

// The indices of the parts in the text of a REQUEST record.
const METHOD = 0
const SCHEME = 1
const AUTHORITY = 2
const PATH = 3
const QUERY = 4
const PEER = 5
const REST = 6

/** Converts bytes in the form of one character each to UTF-8 text. */
function utf8 (text) {
  return ASCII.test(text) ? text : Buffer.from(text, 'latin1').toString('utf8')
}

/** The fields at `pieces` as an object. Fields with one name are joined. */
function toObject (pieces, start, end) {
  const result = { __proto__: null }
  for (let at = start; at < end; at += 2) {
    const name = pieces[at]
    const before = result[name]
    // RFC 9110, section 5.3; RFC 9113, section 8.2.3 for cookies.
    result[name] = before === undefined ? pieces[at + 1] : before + (name === 'cookie' ? '; ' : ', ') + pieces[at + 1]
  }
  return result
}

/**
 * The fields as a flat list, as the peer has sent them: the joined `cookie` is replaced by the
 * values in `cookies` (see Records.cookies), if there are any.
 */
function asReceived (fields, cookies) {
  if (cookies === '') return fields
  let at = 0
  while (fields[at] !== 'cookie') at += 2
  const received = cookies.split('\0').slice(0, -1).flatMap((value) => ['cookie', value])
  return [...fields.slice(0, at), ...received, ...fields.slice(at + 2)]
}

/** The trailer fields in the text of a BODY record. */
function trailersOf (text) {
  const pieces = text.split('\0')
  return toObject(pieces, 0, pieces.length - 1)
}

const PSEUDO_NAMES = {
  [C.PSEUDO_FIELD_METHOD]: ':method',
  [C.PSEUDO_FIELD_SCHEME]: ':scheme',
  [C.PSEUDO_FIELD_AUTHORITY]: ':authority',
  [C.PSEUDO_FIELD_PATH]: ':path',
  [C.PSEUDO_FIELD_PROTOCOL]: ':protocol'
}

/**
 * The names of the pseudo-header fields that were sent as never indexed. `order` is as in
 * goaway_request_pseudo_order.
 */
function sensitivePseudoNames (order) {
  const names = []
  for (; order !== 0; order >>>= 4) if ((order & C.PSEUDO_FIELD_SENSITIVE) !== 0) names.push(PSEUDO_NAMES[order & 7])
  return names
}

/**
 * The names of the fields in a flat list that were sent as never indexed, by their flags (see
 * Records.fieldFlags).
 */
function sensitiveNames (pieces, start, flags) {
  const names = []
  for (let at = 0; at < flags.length; at++) {
    if ((flags.charCodeAt(at) & C.FIELD_SENSITIVE) !== 0) names.push(pieces[start + at * 2])
  }
  return names
}

class Head {
  #text
  #cookies
  // Only if a field was sent as never indexed.
  #fieldFlags = ''
  #pseudoOrder = 0
  #params
  #pieces = null
  #headers = null
  #names = null

  constructor (record) {
    this.#text = record.text
    this.#cookies = record.cookies
    this.#params = record.params
    if ((record.flags & C.RECORD_FLAG_SENSITIVE) !== 0) {
      this.#fieldFlags = record.fieldFlags
      this.#pseudoOrder = record.cause
    }
  }

  get #parts () {
    return this.#pieces ?? (this.#pieces = this.#text.split('\0'))
  }

  /** Whether the peer waits for 100 (Continue) before it sends the body. */
  get expectsContinue () {
    return this.#text.includes('\0expect\0') && this.headers.expect?.toLowerCase() === '100-continue'
  }

  /** The method, such as 'GET'. */
  get method () { return this.#parts[METHOD] }
  /** 'http' or 'https', as sent by the peer. */
  get scheme () { return this.#parts[SCHEME] }
  /** The authority, from `:authority` or `host`. */
  get authority () { return this.#parts[AUTHORITY] }
  /** The path as received, percent-encoded and without the query. */
  get path () { return this.#parts[PATH] }
  /** The query as received, without the `?`; '' if there is none. */
  get query () { return this.#parts[QUERY] }
  /** The peer's address and port, such as '127.0.0.1:49152'. */
  get peer () { return this.#parts[PEER] }

  /** The protocol of an extended CONNECT, such as 'websocket'; '' for other requests. */
  get protocol () {
    const at = REST + this.#params * 2
    return this.#parts[at] === ':protocol' ? this.#parts[at + 1] : ''
  }

  // The index of the first header field.
  get #fields () {
    const at = REST + this.#params * 2
    return this.#parts[at] === ':protocol' ? at + 2 : at
  }

  /** The decoded query, as a new URLSearchParams for each call. */
  get searchParams () { return new URLSearchParams(utf8(this.query)) }

  /** The decoded parameters of the path by name. */
  get params () {
    if (this.#names === null) {
      this.#names = { __proto__: null }
      for (let at = REST; at < REST + this.#params * 2; at += 2) {
        this.#names[utf8(this.#parts[at])] = utf8(this.#parts[at + 1])
      }
    }
    return this.#names
  }

  /** The header fields by name in lower case. Each byte of a value is one character. */
  get headers () {
    if (this.#headers === null) {
      const parts = this.#parts
      this.#headers = toObject(parts, this.#fields, parts.length - 1)
    }
    return this.#headers
  }

  /**
   * The names of the header fields, including pseudo-header fields, that the peer has marked as
   * never indexed (RFC 7541, section 7.1.3), each once.
   */
  get sensitiveHeaders () {
    const ofFields = sensitiveNames(this.#parts, REST + this.#params * 2, this.#fieldFlags)
    return [...new Set([...sensitivePseudoNames(this.#pseudoOrder), ...ofFields])]
  }

  /**
   * The header fields as received: [name, value, name, value, ...]. Each cookie field is a separate
   * element.
   */
  get rawHeaders () {
    const parts = this.#parts
    return asReceived(parts.slice(this.#fields, parts.length - 1), this.#cookies)
  }
}

module.exports = { Head, asReceived, sensitiveNames, sensitivePseudoNames, trailersOf }
