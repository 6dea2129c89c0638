'use strict'

// Converts header fields between node:http2 and the library: the text of a record to a
// headers object, and a headers object to a flat list.

const { sensitiveHeaders } = require('node:http2')
const native = require('../native.js')
const { asReceived, sensitiveNames, sensitivePseudoNames } = require('../head.js')
const { failure } = require('./errors.js')

/** The prefix of a name whose field is never indexed (RFC 7541, section 7.1.3). */
const SENSITIVE = String.fromCharCode(native.constants.FIELD_SENSITIVE)

/** A cookie as short as this could be guessed from its compressed length (section 7.1.3). */
const SHORT_COOKIE = 20

/**
 * Names that a message may have once only, including those for which only node:http2 requires it.
 */
const SINGLE = new Set([
  ':status', ':method', ':authority', ':scheme', ':path', ':protocol',
  'access-control-allow-credentials', 'access-control-max-age', 'access-control-request-method', 'age', 'authorization',
  'content-encoding', 'content-language', 'content-length', 'content-location', 'content-md5', 'content-range', 'content-type',
  'date', 'dnt', 'etag', 'expires', 'from', 'host', 'if-match', 'if-modified-since', 'if-none-match', 'if-range',
  'if-unmodified-since', 'last-modified', 'location', 'max-forwards', 'proxy-authorization', 'range', 'referer', 'retry-after',
  'tk', 'upgrade-insecure-requests', 'user-agent', 'x-content-type-options'
])

/**
 * Connection-specific fields, which HTTP/2 does not have (RFC 9113, section 8.2.2). `te` may be
 * `trailers`.
 */
const OF_CONNECTION = new Set(['connection', 'upgrade', 'http2-settings', 'keep-alive', 'proxy-connection', 'transfer-encoding'])

const REQUEST_PSEUDO = new Set([':method', ':scheme', ':authority', ':path', ':protocol'])
const NO_PSEUDO = new Set()
const NO_SENSITIVE = []

// The indices of the parts in the text of a REQUEST record.
const METHOD = 0
const SCHEME = 1
const AUTHORITY = 2
const PATH = 3
const QUERY = 4
const REST = 6

/** The numbers of pseudo-header fields (goaway_pseudo_field in goaway.h). */
const PSEUDO = {
  METHOD: native.constants.PSEUDO_FIELD_METHOD,
  SCHEME: native.constants.PSEUDO_FIELD_SCHEME,
  AUTHORITY: native.constants.PSEUDO_FIELD_AUTHORITY,
  PATH: native.constants.PSEUDO_FIELD_PATH,
  PROTOCOL: native.constants.PSEUDO_FIELD_PROTOCOL
}

/** Adds a field to a headers object. Fields with one name are joined as in node:http2. */
function join (headers, name, value) {
  const before = headers[name]
  if (before === undefined) headers[name] = name === 'set-cookie' ? [value] : value
  else if (name === 'set-cookie') before.push(value)
  else if (name === 'cookie') headers[name] = `${before}; ${value}`
  else if (!SINGLE.has(name)) headers[name] = `${before}, ${value}`
}

// A headers object has no prototype. V8 makes an object that is created without one a
// dictionary, which takes three times as long to fill. An object that is filled on the
// empty prototype of this class, and loses it afterwards, stays fast, also for the
// reader. No field meets an inherited property there.
const Fields = function Object () {} // as it is shown
Fields.prototype = Object.create(null)

function finished (headers, sensitive) {
  headers[sensitiveHeaders] = sensitive
  return Object.setPrototypeOf(headers, null)
}

/** The head of a request, from the text of its record. It is parsed on first use. */
class RequestHead {
  #pieces
  #start
  #protocol = ''
  #order
  #cookies
  #flags

  /**
   * `order`: the order of the pseudo-header fields, as in goaway_request_pseudo_order; `cookies`,
   * `flags`: as in Records.cookies and Records.fieldFlags.
   */
  constructor (text, params, order, cookies, flags) {
    this.#order = order
    this.#cookies = cookies
    this.#flags = flags
    this.#pieces = text.split('\0')
    this.#start = REST + params * 2
    // An extended CONNECT (RFC 8441) has `:protocol` before the fields.
    if (this.#pieces[this.#start] === ':protocol') {
      this.#protocol = this.#pieces[this.#start + 1]
      this.#start += 2
    }
  }

  /** Creates the head from a REQUEST record. */
  static of (record) {
    return new RequestHead(record.text, record.params, record.cause, record.cookies, record.fieldFlags)
  }

  /** The path with its query, as received. */
  get target () {
    const query = this.#pieces[QUERY]
    return query === '' ? this.#pieces[PATH] : `${this.#pieces[PATH]}?${query}`
  }

  get method () { return this.#pieces[METHOD] }
  get authority () { return this.#pieces[AUTHORITY] }

  /** `:path`, or undefined if there is none. */
  get path () { return this.#pieces[METHOD] !== 'CONNECT' || this.#protocol !== '' ? this.target : undefined }

  /** Whether there is a field with this name in lower case. */
  has (name) {
    const pieces = this.#pieces
    for (let at = this.#start; at < pieces.length - 1; at += 2) if (pieces[at] === name) return true
    return false
  }

  /** All fields as received: [name, value, name, value, ...]. */
  raw () {
    const pieces = this.#pieces
    const raw = []
    for (let order = this.#order; order !== 0; order >>>= 4) {
      switch (order & 7) { // without PSEUDO_FIELD_SENSITIVE
        case PSEUDO.METHOD: raw.push(':method', pieces[METHOD]); break
        case PSEUDO.SCHEME: raw.push(':scheme', pieces[SCHEME]); break
        case PSEUDO.AUTHORITY: raw.push(':authority', pieces[AUTHORITY]); break
        case PSEUDO.PATH: raw.push(':path', this.target); break
        case PSEUDO.PROTOCOL: raw.push(':protocol', this.#protocol)
      }
    }
    for (let at = this.#start; at < pieces.length - 1; at++) raw.push(pieces[at])
    return asReceived(raw, this.#cookies)
  }

  /** The fields as received, without pseudo-header fields. */
  fields () {
    const pieces = this.#pieces
    return asReceived(pieces.slice(this.#start, pieces.length - 1), this.#cookies)
  }

  /** The headers object. */
  headers () {
    const pieces = this.#pieces
    const headers = new Fields()
    for (let order = this.#order; order !== 0; order >>>= 4) {
      switch (order & 7) { // without PSEUDO_FIELD_SENSITIVE
        case PSEUDO.METHOD: headers[':method'] = pieces[METHOD]; break
        case PSEUDO.SCHEME: headers[':scheme'] = pieces[SCHEME]; break
        case PSEUDO.AUTHORITY: headers[':authority'] = pieces[AUTHORITY]; break
        case PSEUDO.PATH: headers[':path'] = this.target; break
        case PSEUDO.PROTOCOL: headers[':protocol'] = this.#protocol
      }
    }
    for (let at = this.#start; at < pieces.length - 1; at += 2) join(headers, pieces[at], pieces[at + 1])
    return finished(headers, this.#flags === '' ? [] : this.#sensitive())
  }

  // The names of the fields that were sent as never indexed (RFC 7541, section 7.1.3).
  #sensitive () {
    // The flags include one for `:protocol`.
    const names = sensitiveNames(this.#pieces, this.#start, this.#protocol === '' ? this.#flags : this.#flags.slice(1))
    // The flags have one for all cookies together.
    const cookies = Math.max(1, this.#cookies.split('\0').length - 1)
    return [...sensitivePseudoNames(this.#order), ...names.flatMap((name) => Array(name === 'cookie' ? cookies : 1).fill(name))]
  }
}

/** The trailer fields in the text of a BODY record, as received. */
function rawTrailers (text) {
  const pieces = text.split('\0')
  pieces.length -= 1
  return pieces
}

/** The headers object for a flat list. `flags` is as in Records.fieldFlags. */
function toObject (raw, flags = '') {
  const headers = new Fields()
  for (let at = 0; at < raw.length; at += 2) join(headers, raw[at], raw[at + 1])
  return finished(headers, sensitiveNames(raw, 0, flags))
}

/**
 * Converts the headers of a program: an object, or a flat list of names and values. `status` is the
 * value of `:status`, or undefined; `fields` is the flat list for the library. Throws the errors of
 * node:http2 for fields that HTTP/2 forbids.
 */
class Outgoing {
  constructor (headers, pseudo) {
    this.status = undefined
    this.fields = []
    this.hasDate = false
    this.seen = null // names that may come once
    this.length = 0 // of names and values together
    if (headers === undefined || headers === null) return
    const marked = headers[sensitiveHeaders]
    const sensitive = marked === undefined ? NO_SENSITIVE : markedNames(marked)
    if (Array.isArray(headers)) {
      for (let at = 0; at + 1 < headers.length; at += 2) this.#add(headers[at], headers[at + 1], pseudo, sensitive)
    } else {
      for (const name in headers) this.#add(name, headers[name], pseudo, sensitive)
    }
  }

  #add (given, value, pseudo, sensitive) {
    if (value === undefined || given === '') return
    const name = lower(given)
    if (Array.isArray(value)) {
      if (value.length === 0) return
      if (value.length > 1) {
        if (SINGLE.has(name)) throw failure('ERR_HTTP2_HEADER_SINGLE_VALUE', name)
        return this.#addAll(given, name, value, sensitive)
      }
      value = value[0]
    }
    if (SINGLE.has(name)) this.#once(name)
    if (name.charCodeAt(0) === 58) { // ':'
      if (!pseudo.has(name)) throw failure('ERR_HTTP2_INVALID_PSEUDOHEADER', name)
      if (name === ':status') this.status = value
      else this.fields.push(name, String(value))
      return
    }
    this.#push(name, String(value), sensitive)
  }

  #addAll (given, name, values, sensitive) {
    if (name.charCodeAt(0) === 58) throw failure('ERR_HTTP2_INVALID_PSEUDOHEADER', name)
    for (const value of values) this.#push(name, String(value), sensitive)
  }

  #once (name) {
    this.seen ??= []
    if (this.seen.includes(name)) throw failure('ERR_HTTP2_HEADER_SINGLE_VALUE', name)
    this.seen.push(name)
    if (name === 'date') this.hasDate = true
  }

  #push (name, value, sensitive) {
    if (OF_CONNECTION.has(name) || (name === 'te' && value !== 'trailers')) {
      throw failure('ERR_HTTP2_INVALID_CONNECTION_HEADERS', name)
    }
    if (BLANK.test(value)) value = value.trim() // which is no part of a value (RFC 9110, section 5.5)
    this.length += name.length + value.length
    const secret = (sensitive.length > 0 && sensitive.includes(name)) || name === 'authorization' ||
      (name === 'cookie' && value.length < SHORT_COOKIE)
    this.fields.push(secret ? SENSITIVE + name : name, value)
  }
}

const BLANK = /^[ \t]|[ \t]$/
const TOKEN = /^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
const KNOWN = new Map()
const KNOWN_MAX = 1000

// Programs use few names, so each is checked once.
function lower (name) {
  let low = KNOWN.get(name)
  if (low === undefined) {
    if (!TOKEN.test(name)) throw failure('ERR_INVALID_HTTP_TOKEN', 'Header name', name)
    low = name.toLowerCase()
    if (KNOWN.size < KNOWN_MAX) KNOWN.set(name, low)
  }
  return low
}

function markedNames (marked) {
  return Array.isArray(marked) ? marked.map((name) => String(name).toLowerCase()) : NO_SENSITIVE
}

/** A copy of the sent headers with the added fields, for sentHeaders and similar members. */
function sentObject (headers, status, dates) {
  const list = Array.isArray(headers)
  const sent = list ? ofList(headers) : { __proto__: null, ...headers }
  if (status !== undefined && !(list && sent[':status'] !== undefined)) sent[':status'] = status
  if (dates) sent.date ??= dateNow()
  return sent
}

function ofList (list) {
  const sent = { __proto__: null }
  if (list[sensitiveHeaders] !== undefined) sent[sensitiveHeaders] = list[sensitiveHeaders]
  for (let at = 0; at + 1 < list.length; at += 2) {
    const before = sent[list[at]]
    sent[list[at]] = before === undefined ? list[at + 1] : [before, list[at + 1]].flat()
  }
  return sent
}

let date = null

function dateNow () {
  if (date === null) {
    date = new Date().toUTCString()
    setTimeout(forgetDate, 1000 - new Date().getMilliseconds()).unref()
  }
  return date
}

function forgetDate () { date = null }

const STATUS_PSEUDO = new Set([':status'])

const ofResponse = (headers) => new Outgoing(headers, STATUS_PSEUDO)
const ofTrailers = (headers) => new Outgoing(headers, NO_PSEUDO)
const ofRequest = (headers) => new Outgoing(headers, REQUEST_PSEUDO)

module.exports = { RequestHead, rawTrailers, toObject, sentObject, ofResponse, ofTrailers, ofRequest }
