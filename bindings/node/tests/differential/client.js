'use strict'

// The client's part of a program, by Node.js's own node:http2, and what it sees.

const http2 = require('node:http2')
const net = require('node:net')

const LARGE = 1 << 20
/** What bodies of responses are made of. */
const X = 'x'.charCodeAt(0)

const without = (headers, ...names) => Object.fromEntries(Object.entries(headers).filter(([name]) => !names.includes(name)))

/** What the client does when it has the head of the response. */
const AT_HEAD = {
  reads: () => {},
  resets: (stream) => stream.close(http2.constants.NGHTTP2_CANCEL),
  leaves: (stream, session) => session.destroy(),
  'is killed': (stream, session, socket) => socket.resetAndDestroy(),
  'stops reading': (stream, session) => setTimeout(() => session.destroy(), 30)
}

/**
 * Sends the program's request to that port. `seen`: what the client has of the
 * response, complete when `closed` resolves.
 */
function ask (program, port) {
  const { method, body } = program.request
  const settings = program.window === 'large' ? { initialWindowSize: LARGE } : {}
  const socket = net.connect(port, '127.0.0.1')
  const session = http2.connect(`http://127.0.0.1:${port}`, { settings, createConnection: () => socket })
  const seen = { status: null, headers: null, informational: [], trailers: null, length: 0, intact: true, ended: false, code: null, error: null }
  session.on('error', () => {})
  const stream = session.request({ ':method': method, ':path': '/' }, { endStream: body === undefined })
  stream.on('headers', (fields) => seen.informational.push({ ...fields }))
  stream.on('response', (fields) => {
    seen.status = fields[':status']
    seen.headers = without(fields, ':status', 'date')
    seen.dated = 'date' in fields
    AT_HEAD[program.client](stream, session, socket)
  })
  stream.on('trailers', (fields) => { seen.trailers = { ...fields } })
  if (program.client !== 'stops reading') {
    stream.on('data', (data) => {
      seen.length += data.length
      seen.intact &&= data.every((byte) => byte === X)
    })
  }
  stream.on('end', () => { seen.ended = true })
  stream.on('error', (error) => { seen.error = error.message })
  if (body !== undefined) stream.end(Buffer.alloc(body, 'b'))
  const closed = new Promise((resolve) => stream.once('close', resolve)).then(() => {
    seen.code = stream.rstCode
    if (program.client !== 'reads') for (const racy of ['length', 'ended', 'error', 'code']) delete seen[racy]
  })
  return { session, seen, closed }
}

module.exports = { ask }
