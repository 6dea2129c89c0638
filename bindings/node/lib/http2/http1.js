'use strict'

// HTTP/1.1 on a server that allows it in addition to HTTP/2. The library has parsed the
// request and writes the response. Between them is node:http itself, on a socket to which
// the request is written as HTTP/1.1, and from which the response is read. Requests and
// responses are therefore objects of node:http in every respect.

const http = require('node:http')
const native = require('../native.js')
const { RequestHead } = require('./headers.js')
const { ResponseReader } = require('./responsereader.js')
const { SocketSink, gone } = require('./socketsink.js')

const C = native.constants
const CRLF = Buffer.from('\r\n')
const LAST_CHUNK = '0\r\n'
/** Longer than any request head that the library accepts. */
const HEAD_BYTES = 2 ** 22
const INTERNAL_ERROR = 2 // RFC 9113, section 7
const METHODS = new Set(http.METHODS)
const CLOSE = ['connection', 'close']

/** The response of node:http, with the one method that only the compatibility API has. */
class ServerResponse extends http.ServerResponse {
  #trailers = null

  /** Adds a trailer field. */
  setTrailer (name, value) {
    this.#trailers ??= { __proto__: null }
    this.#trailers[name] = value
    this.addTrailers(this.#trailers)
  }
}

/** Adds to `server` the properties of an http.Server that node:http's connection listener reads. */
function prepare (server) {
  const model = new http.Server({ maxHeaderSize: HEAD_BYTES, ServerResponse })
  for (const key of Reflect.ownKeys(model)) if (!(key in server)) server[key] = model[key]
  // The limits of the library apply.
  server.maxHeadersCount = 0
  server.keepAliveTimeout = 0
}

/** An HTTP/1.1 connection: its socket and the current request. */
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

  // ---- calls of the socket ----

  take () { this.#exchange?.take() }

  write (chunk, callback) {
    const exchange = this.#exchange
    if (exchange !== null && exchange.isAnswered && chunk.length === 0) return callback()
    if (exchange === null || !exchange.live) return callback(gone())
    exchange.write(chunk, callback)
  }

  /** The socket was ended: the connection ends when everything was sent. */
  end (callback) {
    this.#exchange?.endWritten()
    this.session.close()
    callback()
  }
}

/** A request and its response. A sink of the pump. */
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

  /** Whether the response is complete. */
  get isAnswered () { return this.#ended }

  /** Whether node:http knows the method. It refuses others as malformed. */
  get isKnown () { return METHODS.has(this.#head.method) }

  /** Responds without node:http. */
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

  // In one write.
  #respond ({ head, pieces, trailers }, callback) {
    if (trailers !== null) {
      this.#begin(head)
      for (const piece of pieces) this.writePiece(piece)
      return this.#end(trailers, callback)
    }
    const body = pieces.length < 2 ? pieces[0] ?? null : Buffer.concat(pieces)
    // A response that was written in one piece gets its content-length, also if node:http
    // has used a chunk.
    const flags = head.hasBody && pieces.length < 2 ? C.COMMAND_FLAG_NO_DATE : C.COMMAND_FLAG_NO_DATE | C.COMMAND_FLAG_NO_LENGTH
    this.#ended = true
    this.#hub.pump.respond(this, head.status, fieldsOf(head), body, flags | this.#keepBody())
    setImmediate(callback) // node:http's 'finish' is never in the turn of its end
  }

  #begin (head) {
    this.writeHead(head.status, fieldsOf(head), C.COMMAND_FLAG_NO_DATE | C.COMMAND_FLAG_NO_LENGTH)
  }

  // The end waits for the pieces before it.
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

  /**
   * Nothing more will be written: a body that ends with the connection is complete, and any other
   * is not.
   */
  endWritten () {
    if (!this.live || this.#ended) return
    if (this.#reader.isOpenEnded) this.#end(null, () => {})
    else this.#hub.pump.reset(this, INTERNAL_ERROR)
  }

  #fail (error, callback) {
    if (this.live) this.#hub.pump.reset(this, INTERNAL_ERROR)
    callback(error)
  }

  // ---- the end ----

  /** Cancels the request: the connection has ended or is about to. */
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

  /** The session was destroyed. */
  fail () {
    if (this.live) this.#hub.pump.forget(this)
    this.#drop()
  }
}

function fieldsOf ({ fields, isLast }) {
  return isLast ? fields.concat(CLOSE) : fields
}

/**
 * An async listener of 'request' has failed (events.captureRejections). The effect is that of
 * node:http.
 */
function reject (response, error) {
  if (response.headersSent || response.writableEnded) return void response.destroy(error)
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.statusCode = 500
  response.end(http.STATUS_CODES[500])
}

/** Creates the request for a head that node:http has not parsed. Its body has ended. */
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
