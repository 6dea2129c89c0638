'use strict'

// Responses from files.

const fs = require('node:fs')
const { failure, wrongType, wrongValue, checkOptions } = require('./errors.js')

const PIECE_BYTES = 64 * 1024

function checkFileOptions (options) {
  checkOptions(options, 'options')
  const { offset, length, statCheck } = options ?? {}
  if (offset !== undefined && typeof offset !== 'number') throw wrongValue('options.offset', offset)
  if (length !== undefined && typeof length !== 'number') throw wrongValue('options.length', length)
  if (statCheck !== undefined && typeof statCheck !== 'function') throw wrongValue('options.statCheck', statCheck)
  return options ?? {}
}

/** A response from a file: opens, examines, reads and writes the file in pieces. */
class FileAnswer {
  #stream
  #headers
  #options
  #fd = -1
  #owned // closed here
  #position = -1 // -1: where the descriptor is
  #left = Infinity
  #buffer = null

  constructor (stream, headers, options, owned) {
    this.#stream = stream
    this.#headers = headers
    this.#options = options
    this.#owned = owned
  }

  open (path) {
    fs.open(path, 'r', (error, fd) => {
      if (error) return this.#fail(error)
      this.#fd = fd
      if (this.#isOver()) return this.#close()
      this.#look()
    })
  }

  useDescriptor (fd) {
    this.#fd = fd
    if (this.#options.statCheck !== undefined) return this.#look()
    this.#begin(this.#options.offset ?? -1, this.#options.length ?? -1)
  }

  #isOver () { return this.#stream.destroyed || this.#stream.closed }

  #look () {
    fs.fstat(this.#fd, (error, stat) => {
      if (this.#isOver()) return this.#close()
      if (error) return this.#fail(error)
      try {
        this.#send(stat)
      } catch (error) {
        this.#close()
        this.#stream.destroy(error)
      }
    })
  }

  #send (stat) {
    const { offset, length, statCheck } = this.#options
    if (this.#owned && !stat.isFile()) {
      if (stat.isDirectory()) return this.#fail(failure('ERR_HTTP2_SEND_FILE'))
      if (offset > 0 || length >= 0) return this.#fail(failure('ERR_HTTP2_SEND_FILE_NOSEEK'))
    }
    const range = { offset: offset ?? (stat.isFile() ? 0 : -1), length: length ?? -1 }
    if (statCheck !== undefined) {
      const goesOn = Reflect.apply(statCheck, this.#stream, [stat, this.#headers, range])
      // The program may have responded itself.
      if (goesOn === false || this.#stream.headersSent || this.#isOver()) return this.#close()
    }
    if (this.#owned && stat.isFile()) {
      const rest = Math.max(0, stat.size - range.offset)
      range.length = range.length < 0 ? rest : Math.min(rest, range.length)
      this.#headers['content-length'] = range.length
    }
    this.#begin(range.offset, range.length)
  }

  #begin (offset, length) {
    if (offset >= 0) this.#position = offset
    if (length >= 0) this.#left = length
    this.#stream.beginFile(this.#headers, this.#options)
    this.#read()
  }

  #read () {
    if (this.#isOver()) return this.#close()
    if (this.#left === 0) return this.#end()
    // One buffer is enough: its content was copied when the callback is called.
    this.#buffer ??= Buffer.allocUnsafe(Math.min(PIECE_BYTES, this.#left))
    const wanted = Math.min(this.#buffer.length, this.#left)
    fs.read(this.#fd, this.#buffer, 0, wanted, this.#position < 0 ? null : this.#position, (error, length) => this.#got(error, length))
  }

  #got (error, length) {
    if (this.#isOver()) return this.#close()
    if (error) {
      this.#close()
      return this.#stream.close(2) // INTERNAL_ERROR
    }
    if (length === 0) return this.#end()
    if (this.#position >= 0) this.#position += length
    this.#left -= length
    this.#stream.writePiece(this.#buffer.subarray(0, length), () => this.#read())
  }

  #end () {
    this.#close()
    this.#stream.endFile()
  }

  #close () {
    if (!this.#owned || this.#fd < 0) return
    fs.close(this.#fd, () => {}) // it was only read
    this.#fd = -1
  }

  #fail (error) {
    this.#close()
    if (this.#isOver()) return
    const { onError } = this.#options
    if (typeof onError === 'function' && this.#owned) onError(error)
    else this.#stream.destroy(error)
  }
}

/** Responds with the file at this path. */
function answerFile (stream, path, headers, options) {
  if (typeof path !== 'string' && !Buffer.isBuffer(path) && !(path instanceof URL)) throw wrongType('path', ['string', 'Buffer', 'URL'], path)
  new FileAnswer(stream, headers, options, true).open(path)
}

/** Responds with the contents of a descriptor or a FileHandle. */
function answerDescriptor (stream, fd, headers, options) {
  new FileAnswer(stream, headers, options, false).useDescriptor(typeof fd === 'number' ? fd : fd.fd)
}

function checkDescriptor (fd) {
  if (typeof fd === 'number' || (typeof fd === 'object' && fd !== null && typeof fd.fd === 'number')) return
  throw wrongType('fd', ['number', 'FileHandle'], fd)
}

module.exports = { answerFile, answerDescriptor, checkFileOptions, checkDescriptor }
