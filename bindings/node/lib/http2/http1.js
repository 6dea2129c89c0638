'use strict'

// HTTP/1.1 beside HTTP/2, for a server that allows it. The library has read the
// request and writes the response; between the two stands node:http itself, on a
// socket on which the request is written as HTTP/1.1, and the response read. So
// requests and responses are node:http's in everything that programs do with them.

const http = require('node:http')
const native = require('../native.js')
const { RequestHead } = require('./headers.js')
const { ResponseReader } = require('./responsereader.js')
const { SocketSink, gone } = require('./socketsink.js')

const C = native.constants
const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = '0\r\n'
/** More than the library ever lets a head of a request have. */
const HEAD_BYTES = 2 ** 22
const INTERNAL_ERROR = 2 // RFC 9113, section 7
const METHODS = new Set(http.METHODS)
const CLOSE = ['connection', 'close']

/** node:http's, with the one method that only the compatibility API has. */
class ServerResponse extends http.ServerResponse {
  #trailers = null

  /** Adds a trailer field. */
  setTrailer (name, value) {
    this.#trailers ??= { __proto__: null }
    this.#trailers[name] = value
    this.addTrailers(this.#trailers)
  }
}

/**
 * Gives `server` what node:http's connection listener looks for on its server:
 * the properties of an http.Server that it does not have.
 */
function prepare (server) {
  const model = new http.Server({ maxHeaderSize: HEAD_BYTES, ServerResponse })
  for (const key of Reflect.ownKeys(model)) if (!(key in server)) server[key] = model[key]
  // The library has limits of its own.
  server.maxHeadersCount = 0
  server.keepAliveTimeout = 0
}

/** A connection of HTTP/1.1: its socket, and the request whose turn it is. */
class Http1Connection {
  #exchange = null

  constructor (server, session) {
    this.session = session
    this.socket = session.rawSocket
    this.socket.carry(this)
    http._connectionListener.call(server, this.socket)
  }

  begin (exchange) {
    this.#exchange = exchange
    exchange.begin(this)
  }

  // ---- what the socket does ----

  take () { this.#exchange?.take() }

  write (chunk, callback) {
    const exchange = this.#exchange
    if (exchange !== null && exchange.isAnswered && chunk.length === 0) return callback()
    if (exchange === null || !exchange.live) return callback(gone())
    exchange.write(chunk, callback)
  }

  /** The end of what is written: the connection ends when that has gone. */
  end (callback) {
    this.#exchange?.endWritten()
    this.session.close()
    callback()
  }
}

/** A request and its response; the pump's sink. */
class Http1Exchange extends SocketSink {
  #hub
  #flags
  #head
  #data
  #connection = null
  #reader = null
  #chunked = false // the request's body is in chunks
  #bodyEnded = false
  #keeps = false // the response is whole, and the request's body goes on
  #ended = false // the response is whole

  constructor (hub, record, session) {
    super(hub, record, session)
    this.#hub = hub
    this.#flags = record.flags
    this.#head = RequestHead.of(record)
    this.#data = record.dataLength > 0 ? record.data : null
    this.#bodyEnded = (record.flags & C.RECORD_FLAG_END) !== 0
  }

  get method () { return this.#head.method }
  get socket () { return this.#connection?.socket ?? null }
  touch () { this.socket?._unrefTimer() }

  /** Whether the response is whole. */
  get isAnswered () { return this.#ended }

  /** Whether node:http knows the method; it refuses others as malformed. */
  get isKnown () { return METHODS.has(this.#head.method) }

  /** A response without node:http. */
  refuse (status) {
    this.#hub.pump.respond(this, status, [], null, 0)
  }

  // ---- the request ----

  begin (connection) {
    const head = this.#head
    const minor = (this.#flags & C.RECORD_FLAG_HTTP_1_0) !== 0 ? 0 : 1
    this.#connection = connection
    this.#reader = new ResponseReader(head.method)
    const target = head.method === 'CONNECT' ? head.authority : head.target
    const lines = [`${head.method} ${target} HTTP/1.${minor}`]
    const fields = head.fields()
    for (let at = 0; at < fields.length; at += 2) lines.push(`${fields[at]}: ${fields[at + 1]}`)
    this.#chunked = head.has('transfer-encoding')
    connection.socket.push(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))
    if (this.#data !== null) this.#pushBody(this.#data)
    this.#data = null
    if (this.#bodyEnded) this.#pushEnd('')
  }

  /** False if there is no room for more. */
  #pushBody (data) {
    const { socket } = this.#connection
    if (!this.#chunked) return socket.push(data)
    return socket.push(Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, CRLF]))
  }

  #pushEnd (trailers) {
    if (!this.#chunked) return
    const pieces = trailers.split('\0')
    let text = LAST_CHUNK
    for (let at = 0; at + 1 < pieces.length; at += 2) text += `${pieces[at]}: ${pieces[at + 1]}\r\n`
    this.#connection.socket.push(Buffer.from(`${text}\r\n`, 'latin1'))
  }

  onBody (data, last, trailers) {
    if (this.#connection.socket.destroyed) return
    this.active()
    if (data !== null) {
      this.owe(data.length)
      if (this.#pushBody(data)) this.take()
    }
    if (!last) return
    this.#bodyEnded = true
    if (this.#keeps) this.#hub.pump.forget(this)
    this.#pushEnd(trailers)
  }

  // ---- the response ----

  write (chunk, callback) {
    this.active()
    try {
      const read = this.#reader.read(chunk)
      for (const { status, fields } of read.informational) this.#hub.pump.inform(this, status, fields)
      if (read.head !== null && read.ended) return this.#respond(read, callback)
      if (read.head !== null) this.#begin(read.head)
      for (const piece of read.pieces) this.writePiece(piece)
      if (read.ended) this.#end(read.trailers, callback)
      else this.whenRoom(callback)
    } catch (error) {
      this.#fail(error, callback)
    }
  }

  // All of it in one write.
  #respond ({ head, pieces, trailers }, callback) {
    if (trailers !== null) {
      this.#begin(head)
      for (const piece of pieces) this.writePiece(piece)
      return this.#end(trailers, callback)
    }
    const body = pieces.length < 2 ? pieces[0] ?? null : Buffer.concat(pieces)
    // One that was given in one piece says its length, also if node:http has put it in a chunk.
    const flags = head.hasBody && pieces.length < 2 ? C.COMMAND_FLAG_NO_DATE : C.COMMAND_FLAG_NO_DATE | C.COMMAND_FLAG_NO_LENGTH
    this.#ended = true
    this.#hub.pump.respond(this, head.status, fieldsOf(head), body, flags | this.#keepBody())
    setImmediate(callback) // node:http's 'finish' is never in the turn of its end
  }

  #begin (head) {
    this.writeHead(head.status, fieldsOf(head), C.COMMAND_FLAG_NO_DATE | C.COMMAND_FLAG_NO_LENGTH)
  }

  // The end goes behind what still waits for room.
  #end (trailers, callback) {
    this.whenRoom(() => {
      this.#ended = true
      if (this.live) this.#hub.pump.end(this, null, trailers, this.#keepBody())
      setImmediate(callback)
    })
  }

  #keepBody () {
    this.#keeps = !this.#bodyEnded
    return this.#keeps ? C.COMMAND_FLAG_KEEP_BODY : 0
  }

  /** Nothing more is written: a body that lasts to the connection's end is whole, any other is not. */
  endWritten () {
    if (!this.live || this.#ended) return
    if (this.#reader.isOpenEnded) this.#end(null, () => {})
    else this.#hub.pump.reset(this, INTERNAL_ERROR)
  }

  #fail (error, callback) {
    if (this.live) this.#hub.pump.reset(this, INTERNAL_ERROR)
    callback(error)
  }

  // ---- how it ends ----

  /** Nobody waits for it: the connection has ended, or is about to. */
  onCancelled () { this.#drop() }

  #drop () {
    const written = this.takeWaiting()
    this.socket?.gone()
    written?.(gone())
  }

  onDrain (leftMs) {
    const { socket } = this
    if (socket !== null && socket.listenerCount('draining') > 0) this.#hub.tell(socket, 'draining', leftMs)
  }

  /** Its session is destroyed. */
  fail () {
    if (this.live) this.#hub.pump.forget(this)
    this.#drop()
  }
}

function fieldsOf ({ fields, isLast }) {
  return isLast ? fields.concat(CLOSE) : fields
}

/** An async listener of 'request' has failed (events.captureRejections): as node:http's servers do it. */
function reject (response, error) {
  if (response.headersSent || response.writableEnded) return void response.destroy(error)
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.statusCode = 500
  response.end(http.STATUS_CODES[500])
}

/** The request of a head that comes without node:http's parser; its body has ended. */
function requestOf (head, isHttp10, socket) {
  const request = new http.IncomingMessage(socket)
  const fields = head.fields()
  request.httpVersionMajor = 1
  request.httpVersionMinor = isHttp10 ? 0 : 1
  request.httpVersion = `1.${request.httpVersionMinor}`
  request.method = head.method
  request.url = head.target
  request._addHeaderLines(fields, fields.length)
  request.upgrade = true
  request.complete = true
  request.push(null)
  return request
}

module.exports = { Http1Connection, Http1Exchange, prepare, reject, requestOf }
