'use strict'

// Parses the response that node:http writes to a socket (RFC 9112): informational heads,
// the final head, and the body without its framing.

const { RawHead, isOfConnection } = require('./rawhead.js')
const { GoawayError } = require('../errors.js')

const CR = 13
const LF = 10

const invalid = (why) => new GoawayError('GOAWAY_ERR_INVALID', `what was written to the socket is no response of HTTP/1.1: ${why}`)
const tooLong = () => new GoawayError('GOAWAY_ERR_LENGTH', 'more was written than content-length says')

/** How a body ends (RFC 9112, section 6.3), and the position in chunked framing. */
const HEAD = 0
const LENGTH = 1
const OPEN_ENDED = 2
const CHUNK_SIZE = 3
const CHUNK = 4
const CHUNK_END = 5
const TRAILERS = 6
const ENDED = 7

class ResponseReader {
  #method
  #head = new RawHead(Infinity)
  #state = HEAD
  #left = 0 // of a length or a chunk
  #line = '' // the beginning of one
  #trailers = []

  constructor (method) {
    this.#method = method
  }

  /** Whether the body ends with the connection. */
  get isOpenEnded () { return this.#state === OPEN_ENDED }

  /**
   * Parses further bytes: { informational: [{ status, fields }], head, pieces, ended, trailers }.
   * `head` is null, or { status, fields, isLast, hasBody }, with `isLast` if the connection ends
   * after the response. Throws if the bytes are not a response, or more than one.
   */
  read (chunk) {
    const read = { informational: [], head: null, pieces: [], ended: false, trailers: null }
    let rest = chunk
    while (rest.length > 0) {
      if (this.#state === ENDED) throw tooLong()
      rest = this.#state === HEAD ? this.#readHead(rest, read) : this.#readBody(rest, read)
    }
    read.ended = this.#state === ENDED
    if (read.ended && this.#trailers.length > 0) read.trailers = this.#trailers
    return read
  }

  #readHead (chunk, read) {
    const head = this.#head.add(chunk)
    if (head === null) return chunk.subarray(chunk.length)
    if (head.status < 200) read.informational.push({ status: head.status, fields: ofLibrary(head.fields) })
    else read.head = this.#begin(head)
    return head.rest
  }

  #begin ({ status, fields }) {
    const length = valueOf(fields, 'content-length')
    const hasBody = this.#method !== 'HEAD' && status !== 204 && status !== 304
    if (!hasBody || length === '0') this.#state = ENDED
    else if (this.#method === 'CONNECT' && status < 300) this.#state = OPEN_ENDED
    else if (/(^|,)\s*chunked\s*$/i.test(valueOf(fields, 'transfer-encoding') ?? '')) this.#state = CHUNK_SIZE
    else if (length === undefined) this.#state = OPEN_ENDED
    else this.#beginLength(length)
    return { status, fields: ofLibrary(fields), isLast: /(^|,)\s*close\s*(,|$)/i.test(valueOf(fields, 'connection') ?? ''), hasBody }
  }

  #beginLength (length) {
    if (!/^\d+$/.test(length)) throw invalid(`content-length is ${JSON.stringify(length)}`)
    this.#state = LENGTH
    this.#left = Number(length)
    if (this.#left === 0) this.#state = ENDED
  }

  #readBody (chunk, read) {
    if (this.#state === OPEN_ENDED) {
      read.pieces.push(chunk)
      return chunk.subarray(chunk.length)
    }
    if (this.#state === LENGTH || this.#state === CHUNK) return this.#readPiece(chunk, read)
    return this.#readLine(chunk)
  }

  #readPiece (chunk, read) {
    const piece = chunk.length > this.#left ? chunk.subarray(0, this.#left) : chunk
    read.pieces.push(piece)
    this.#left -= piece.length
    if (this.#left === 0) this.#state = this.#state === LENGTH ? ENDED : CHUNK_END
    return chunk.subarray(piece.length)
  }

  #readLine (chunk) {
    const end = chunk.indexOf(LF)
    if (end < 0) {
      this.#line += chunk.latin1Slice()
      return chunk.subarray(chunk.length)
    }
    const from = chunk.latin1Slice(0, end > 0 && chunk[end - 1] === CR ? end - 1 : end)
    this.#takeLine((this.#line + from).replace(/\r$/, ''))
    this.#line = ''
    return chunk.subarray(end + 1)
  }

  #takeLine (line) {
    if (this.#state === CHUNK_END) {
      if (line !== '') throw invalid('a chunk is longer than it says')
      this.#state = CHUNK_SIZE
    } else if (this.#state === CHUNK_SIZE) {
      if (!/^[0-9a-f]+$/i.test(line)) throw invalid(`a chunk begins with ${JSON.stringify(line)}`)
      this.#left = parseInt(line, 16)
      this.#state = this.#left === 0 ? TRAILERS : CHUNK
    } else if (line === '') {
      this.#state = ENDED
    } else {
      this.#trailers.push(...RawHead.field(line))
    }
  }
}

/** The first value of a field with this name; undefined if there is none. */
function valueOf (fields, name) {
  for (let at = 0; at < fields.length; at += 2) if (fields[at] === name) return fields[at + 1]
}

/** The fields without those that the library sends itself. */
function ofLibrary (fields) {
  const kept = []
  for (let at = 0; at < fields.length; at += 2) {
    if (!isOfConnection(fields[at]) && fields[at] !== 'upgrade' && fields[at] !== 'transfer-encoding') kept.push(fields[at], fields[at + 1])
  }
  return kept
}

module.exports = { ResponseReader }
