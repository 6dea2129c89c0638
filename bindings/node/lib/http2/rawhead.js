'use strict'

// Parses the response head that a program writes to a socket, after node:http has passed
// it the socket (event 'upgrade').

const { GoawayError } = require('../errors.js')

const END = '\r\n\r\n'
const STATUS_LINE = /^HTTP\/1\.[01] ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)$/
/** Fields of the connection that the library sends itself (RFC 9110, section 7.6.1). */
const OF_CONNECTION = new Set(['connection', 'keep-alive', 'proxy-connection'])

const invalid = (why) => new GoawayError('GOAWAY_ERR_INVALID', `what was written to the socket is no response of HTTP/1.1: ${why}`)

/** Collects writes until the head is complete. */
class RawHead {
  #bytes = Buffer.alloc(0)
  #maxBytes

  constructor (maxBytes) {
    this.#maxBytes = maxBytes
  }

  /** [name, value] of a line, with the name in lower case. Throws if it is not a field. */
  static field (line) {
    const [, name, value] = FIELD.exec(line) ?? []
    if (name === undefined) throw invalid(`${JSON.stringify(line)} is no field`)
    return [name.toLowerCase(), value.trim()]
  }

  /**
   * Adds bytes. Returns null while the head is incomplete, then { status, fields, rest }: `fields`
   * is a flat list, `rest` was written after the head. Throws if it is malformed (RFC 9112,
   * sections 4 and 5).
   */
  add (chunk) {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk])
    const end = this.#bytes.indexOf(END)
    if (end > this.#maxBytes || (end < 0 && this.#bytes.length > this.#maxBytes)) throw invalid(`its head is longer than ${this.#maxBytes} bytes`)
    if (end < 0) return null
    const [first, ...lines] = this.#bytes.latin1Slice(0, end).split('\r\n')
    const rest = this.#bytes.subarray(end + END.length)
    this.#bytes = Buffer.alloc(0)
    const status = Number(STATUS_LINE.exec(first)?.[1])
    if (!(status >= 100)) throw invalid(`it begins with ${JSON.stringify(first)}`)
    const fields = []
    for (const line of lines) fields.push(...RawHead.field(line))
    return { status, fields, rest }
  }
}

/** Whether the library sends fields with this name itself. */
function isOfConnection (name) {
  return OF_CONNECTION.has(name)
}

module.exports = { RawHead, isOfConnection, invalid }
