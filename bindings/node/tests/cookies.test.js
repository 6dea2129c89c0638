'use strict'

// Cookies in several fields, as browsers send them over HTTP/2, are one value
// for whoever asks by name (RFC 9113, section 8.2.3), and several in the raw list.

const { test } = require('node:test')
const assert = require('node:assert')
const net = require('node:net')
const { once } = require('node:events')
const { Server } = require('../index.js')
const http2 = require('../http2.js')
const { connect, send } = require('./helpers.js')

const SENT = ['a=1; b=2', 'c=3', 'd=4']
const JOINED = SENT.join('; ')

/** What the raw list has of that name. */
function received (raw, name) {
  const values = []
  for (let at = 0; at < raw.length; at += 2) if (raw[at].toLowerCase() === name) values.push(raw[at + 1])
  return values
}

function check ({ headers, rawHeaders }) {
  assert.strictEqual(headers.cookie, JOINED)
  assert.deepStrictEqual(received(rawHeaders, 'cookie'), SENT)
  assert.deepStrictEqual(received(rawHeaders, 'x-a'), ['1'])
  assert.deepStrictEqual(received(rawHeaders, 'x-b'), ['2'])
  assert.strictEqual(rawHeaders.length % 2, 0)
}

/** A client of node:http2 sends an array of cookies as several fields. */
async function ask (port) {
  const client = connect(port)
  const answer = await send(client, '/', { headers: { 'x-a': '1', cookie: SENT, 'x-b': '2' } })
  client.close()
  assert.strictEqual(answer.status, 200)
  return JSON.parse(answer.body)
}

async function askOld (port) {
  const socket = net.connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n' + SENT.map((value) => `Cookie: ${value}\r\n`).join('') + 'X-B: 2\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const chunk of socket) text += chunk
  return JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1))
}

test("goaway's own server", async () => {
  const server = new Server()
  server.register('GET /', (request) => request.respond(200, JSON.stringify({ headers: request.headers, rawHeaders: request.rawHeaders })))
  await server.start({ bind: '127.0.0.1:0' })
  try {
    check(await ask(server.port))
    check(await askOld(server.port))
  } finally {
    await server.close({ drainMs: 0 })
  }
})

test("node:http2's streams and its compatibility API", async () => {
  for (const kind of ['stream', 'request']) {
    const server = http2.createServer()
    server.on(kind, kind === 'stream'
      ? (stream, headers, flags, rawHeaders) => { stream.respond(); stream.end(JSON.stringify({ headers, rawHeaders })) }
      : ({ headers, rawHeaders }, response) => response.end(JSON.stringify({ headers, rawHeaders })))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    try {
      check(await ask(server.address().port))
    } finally {
      server.close()
      await once(server, 'close')
    }
  }
})
