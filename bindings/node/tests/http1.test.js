'use strict'

// HTTP/1.1: the same handlers, for clients that speak nothing else.

const { test, before, after } = require('node:test')
const assert = require('node:assert')
const http = require('node:http')
const http2 = require('node:http2')
const net = require('node:net')
const { once } = require('node:events')
const { Server } = require('../index.js')

let server
let agent

before(async () => {
  server = new Server()
  server.register('POST /echo', async (request) => {
    const body = await request.bytes()
    request.respond(200, body, { 'x-version': request.httpVersion, 'x-stream': request.stream })
  })
  server.register('GET /stream', async (request) => {
    request.writeHead(200)
    for (let number = 0; number < 10; number++) await request.write(`${number}`.repeat(10_000))
    request.end('', { 'x-checksum': '1' })
  })
  server.register('GET /early', (request) => {
    request.inform(103, { link: '</a.css>' })
    request.respond(200, 'early')
  })
  server.register('GET /hang', () => {})
  server.register('GET /last', (request) => request.respond(200, 'last', { connection: 'close' }))
  server.register('CONNECT /mirror', (request) => {
    const tunnel = request.upgrade({ 'sec-websocket-protocol': 'one', 'x-protocol': request.protocol })
    assert.strictEqual(request.headers[':protocol'], undefined)
    tunnel.pipe(tunnel)
  })
  server.register('CONNECT /leaves', (request) => request.upgrade().end('goodbye'))
  server.register('CONNECT /refuses', (request) => request.respond(403, 'no'))
  await server.start({ bind: { host: '127.0.0.1', port: 0 } })
  agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
})

after(async () => {
  agent.destroy()
  await server.close({ drainMs: 1000 })
})

/** One request: the answer with its body as `text`. */
async function ask (path, { method = 'GET', headers, body } = {}) {
  const request = http.request({ host: '127.0.0.1', port: server.port, path, method, headers, agent, timeout: 20_000 })
  const informed = []
  request.on('information', (info) => informed.push(info))
  request.end(body)
  const [answer] = await once(request, 'response')
  const chunks = []
  for await (const chunk of answer) chunks.push(chunk)
  return { status: answer.statusCode, headers: answer.headers, trailers: answer.trailers, informed, text: Buffer.concat(chunks).toString() }
}

test('an answer may be the last of its connection', async () => {
  for (let count = 0; count < 20; count++) assert.strictEqual((await ask('/last')).headers.connection, 'close')
})

test('a request says that it is of HTTP/1.1, and which of its connection', async () => {
  for (const stream of ['1', '2']) {
    const { status, headers, text } = await ask('/echo', { method: 'POST', body: 'hello' })
    assert.deepStrictEqual([status, text, headers['x-version'], headers['x-stream']], [200, 'hello', '1.1', stream])
    assert.strictEqual(headers['content-length'], '5')
  }
  assert.strictEqual(server.sessions()[0].protocol, 'http/1.1')
})

test('bodies come and go in chunks', async () => {
  const body = 'x'.repeat(300_000)
  const echoed = await ask('/echo', { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } })
  assert.strictEqual(echoed.text, body)
  const streamed = await ask('/stream')
  assert.strictEqual(streamed.text.length, 100_000)
  assert.strictEqual(streamed.headers['transfer-encoding'], 'chunked')
  assert.strictEqual(streamed.trailers['x-checksum'], '1')
})

test('informational heads go ahead', async () => {
  const { informed, text } = await ask('/early')
  assert.deepStrictEqual(informed.map((info) => [info.statusCode, info.headers.link]), [[103, '</a.css>']])
  assert.strictEqual(text, 'early')
})

test('a body is asked for when the handler reads it', async () => {
  const request = http.request({ host: '127.0.0.1', port: server.port, path: '/echo', method: 'POST', headers: { expect: '100-continue', 'content-length': 4 } })
  request.flushHeaders()
  await once(request, 'continue')
  request.end('body')
  const [answer] = await once(request, 'response')
  assert.strictEqual((await answer.toArray()).join(''), 'body')
})

test('what is no request is refused', async () => {
  const socket = net.connect(server.port, '127.0.0.1')
  socket.write('GET /early HTTP/1.1\r\nhost : a\r\n\r\n')
  const chunks = await socket.toArray()
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 400 Bad Request\r\nconnection: close\r\n/)
})

test('a close ends idle connections and cuts what does not end', async () => {
  const other = new Server()
  other.register('GET /', (request) => request.respond(200, 'ok'))
  other.register('GET /hang', () => {})
  await other.start({ bind: { host: '127.0.0.1', port: 0 } })
  const idle = net.connect(other.port, '127.0.0.1')
  idle.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await once(idle, 'data')
  const hanging = net.connect(other.port, '127.0.0.1')
  hanging.write('GET /hang HTTP/1.1\r\nhost: a\r\n\r\n')
  while (other.sessions().filter((session) => session.openStreams > 0).length === 0) await new Promise((resolve) => setImmediate(resolve))
  const ended = [idle, hanging].map((socket) => { socket.resume(); return once(socket, 'close') })
  const report = await other.close({ drainMs: 200 })
  await Promise.all(ended)
  assert.deepStrictEqual([report.sessionsGraceful, report.sessionsForced, report.streamsReset], [1, 1, 1])
})

const UPGRADE = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': 13, 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }

test('an upgrade to a WebSocket opens a tunnel', async () => {
  const request = http.request({ host: '127.0.0.1', port: server.port, path: '/mirror', headers: UPGRADE })
  request.end()
  const [answer, socket, head] = await once(request, 'upgrade')
  assert.strictEqual(answer.statusCode, 101)
  assert.strictEqual(answer.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  assert.deepStrictEqual([answer.headers['sec-websocket-protocol'], answer.headers['x-protocol']], ['one', 'websocket'])
  const sent = Buffer.alloc(1_000_000, 'tunnel')
  socket.end(sent)
  const chunks = [head]
  for await (const chunk of socket) chunks.push(chunk)
  assert.ok(Buffer.concat(chunks).equals(sent))

  const ending = http.request({ host: '127.0.0.1', port: server.port, path: '/leaves', headers: UPGRADE })
  ending.end()
  const [, left, first] = await once(ending, 'upgrade')
  assert.strictEqual(Buffer.concat([first, ...await left.toArray()]).toString(), 'goodbye')
})

test('a tunnel on a stream of HTTP/2 is the same', async () => {
  const client = http2.connect(`http://127.0.0.1:${server.port}`)
  await once(client, 'remoteSettings')
  const stream = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/mirror' })
  const [head] = await once(stream, 'response')
  assert.deepStrictEqual([head[':status'], head['x-protocol']], [200, 'websocket'])
  stream.end('through')
  assert.strictEqual((await stream.toArray()).join(''), 'through')
  client.close()
})

test('a tunnel that is refused, or not on offer, is an answer', async () => {
  for (const [path, status] of [['/refuses', 403], ['/early', 200]]) {
    const request = http.request({ host: '127.0.0.1', port: server.port, path, headers: UPGRADE })
    request.end()
    const [answer] = await once(request, 'response')
    assert.strictEqual(answer.statusCode, status)
    answer.resume()
  }
})

test('paths and queries are any bytes, a character each', async () => {
  const any = new Server()
  const seen = []
  any.register('*', (request) => {
    seen.push([request.path, request.query])
    request.respond(200, '', { connection: 'close' })
  })
  any.register('GET /named/{name}', (request) => {
    seen.push(request.params.name)
    request.respond(200, '', { connection: 'close' })
  })
  await any.start({ bind: { host: '127.0.0.1', port: 0 } })
  const statuses = []
  for (const path of ['/\xff%41"|?q=\xff<', '/named/\xc3\xa4', '/named/\xff']) {
    const socket = net.connect(any.port, '127.0.0.1')
    socket.write(Buffer.from(`GET ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 'latin1'))
    statuses.push((await socket.toArray()).join('').slice(0, 12))
  }
  await any.close({ drainMs: 1000 })
  assert.deepStrictEqual(seen, [['/\xff%41"|', 'q=\xff<'], '\u00e4'])
  assert.deepStrictEqual(statuses, ['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400'])
})
