'use strict'

// The event 'upgrade' of goaway/http2, and the ws package on top of it, unchanged.

const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const nodeHttp2 = require('node:http2')
const https = require('node:https')
const net = require('node:net')
const os = require('node:os')
const { join } = require('node:path')
const { test, after } = require('node:test')
const tls = require('node:tls')
const { WebSocket, WebSocketServer } = require('ws')
const http2 = require('../http2.js')
const { sleep, until } = require('./helpers.js')

const folder = fs.mkdtempSync(join(os.tmpdir(), 'goaway-upgrade-'))
after(() => fs.rmSync(folder, { recursive: true }))
const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
  '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
const OWN = { cert: fs.readFileSync(certFile, 'utf8'), key: fs.readFileSync(keyFile, 'utf8') }
const ca = OWN.cert

/** A server that listens, and ends with the test. */
async function serve (t, options, onRequest) {
  const server = http2.createSecureServer({ ...OWN, allowHTTP1: true, ...options }, onRequest)
  t.after(() => new Promise((resolve) => { server.close({ drainMs: 0 }, resolve) }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** A WebSocket; it is gone with the test. */
function open (t, server, path = '/', options) {
  const socket = new WebSocket(`wss://localhost:${server.address().port}${path}`, { ca, ...options })
  t.after(() => socket.terminate())
  return socket
}

/** A connection that asks for an upgrade, and what came of it when it has ended. */
function raw (t, server, fields = 'connection: upgrade\r\nupgrade: echo\r\n') {
  const socket = tls.connect({ port: server.address().port, host: '127.0.0.1', servername: 'localhost', ca, ALPNProtocols: ['http/1.1'], allowHalfOpen: true })
  t.after(() => socket.destroy())
  socket.text = ''
  socket.setEncoding('latin1').on('data', (text) => { socket.text += text })
  socket.on('error', (error) => { socket.failed = error })
  socket.write(`GET /chat HTTP/1.1\r\nhost: localhost\r\n${fields}\r\n`)
  return socket
}

const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'

test('ws: text, binary, ping, close with its code', async (t) => {
  const server = await serve(t)
  const wss = new WebSocketServer({ server, handleProtocols: () => 'two' })
  const ended = new Promise((resolve) => {
    wss.on('connection', (socket, request) => {
      assert.deepStrictEqual([request.method, request.url, request.headers.upgrade], ['GET', '/chat?a=b', 'websocket'])
      assert.strictEqual(request.socket.remoteAddress, '127.0.0.1')
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
      socket.on('close', (code, reason) => resolve([code, String(reason)]))
    })
  })
  const socket = new WebSocket(`wss://localhost:${server.address().port}/chat?a=b`, ['one', 'two'], { ca })
  await once(socket, 'open')
  assert.strictEqual(socket.protocol, 'two')
  socket.send('héllo')
  const [text, isBinary] = await once(socket, 'message')
  assert.deepStrictEqual([String(text), isBinary], ['héllo', false])
  const large = Buffer.alloc(3_000_000, 'abcdefg')
  socket.send(large)
  assert.ok((await once(socket, 'message'))[0].equals(large))
  socket.ping('still there?')
  assert.strictEqual(String((await once(socket, 'pong'))[0]), 'still there?')
  socket.close(4001, 'enough')
  assert.deepStrictEqual(await ended, [4001, 'enough'])
  await once(socket, 'close')
})

test('ws: noServer, handleUpgrade, and a refusal', async (t) => {
  const server = await serve(t)
  const wss = new WebSocketServer({ noServer: true })
  server.on('upgrade', async (request, socket, head) => {
    assert.strictEqual(head.length, 0)
    assert.strictEqual(request.socket, socket)
    await sleep(5) // whoever asks a database
    if (request.url === '/no') {
      socket.write('HTTP/1.1 401 Unauthorized\r\n\r\n')
      return socket.destroy()
    }
    wss.handleUpgrade(request, socket, head, (socket) => socket.send('welcome'))
  })
  const refused = open(t, server, '/no')
  const [error] = await once(refused, 'error')
  assert.match(error.message, /401/)
  const taken = open(t, server, '/yes')
  assert.strictEqual(String((await once(taken, 'message'))[0]), 'welcome')
})

test('ws: what is no WebSocket is answered 400 by it, and the connection ends', async (t) => {
  const server = await serve(t)
  new WebSocketServer({ server, path: '/chat' })
  const socket = raw(t, server, 'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n')
  await once(socket, 'end')
  assert.match(socket.text, /^HTTP\/1\.1 400 Bad Request\r\n/)
  assert.match(socket.text, /\r\nconnection: close\r\n/)
  assert.match(socket.text, /Sec-WebSocket-Key/)
})

test('ws: a client that reads slowly holds the server back, and loses nothing', async (t) => {
  const server = await serve(t)
  const wss = new WebSocketServer({ server })
  const connected = once(wss, 'connection')
  const socket = open(t, server)
  const [ours] = await connected
  await once(socket, 'open')
  socket.pause()
  const piece = Buffer.alloc(256 * 1024, 'x')
  let called = 0
  for (let count = 0; count < 64; count++) ours.send(piece, () => called++)
  await sleep(100)
  assert.ok(ours.bufferedAmount > 1024 * 1024, `${ours.bufferedAmount} bytes wait`)
  assert.ok(called < 64)
  let got = 0
  socket.on('message', (data) => { got += data.length })
  socket.resume()
  await until(() => got === 64 * piece.length, 'all has come')
  await until(() => called === 64 && ours.bufferedAmount === 0, 'all callbacks')
})

test('ws: a server that reads slowly holds the client back', async (t) => {
  const server = await serve(t)
  const wss = new WebSocketServer({ server })
  const connected = once(wss, 'connection')
  const socket = open(t, server)
  const [ours] = await connected
  await once(socket, 'open')
  let got = 0
  ours.on('message', (data) => { got += data.length })
  ours.pause()
  const piece = Buffer.alloc(256 * 1024, 'x')
  for (let count = 0; count < 128; count++) socket.send(piece)
  await sleep(100)
  assert.ok(socket.bufferedAmount > 1024 * 1024, `${socket.bufferedAmount} bytes wait`)
  ours.resume()
  await until(() => got === 128 * piece.length, 'all has come')
})

test('ws: a client that vanishes, and one that the server ends', async (t) => {
  const server = await serve(t)
  const wss = new WebSocketServer({ server })
  const vanishing = once(wss, 'connection')
  const socket = open(t, server)
  const [ours] = await vanishing
  ours.on('error', () => {})
  await once(socket, 'open')
  socket.terminate()
  assert.strictEqual((await once(ours, 'close'))[0], 1006)
  const ending = once(wss, 'connection')
  const other = open(t, server)
  const [terminated] = await ending
  await once(other, 'open')
  terminated.terminate()
  assert.strictEqual((await once(other, 'close'))[0], 1006)
  await until(() => wss.clients.size === 0 && server.sessions.length === 0, 'nobody is left')
})

test('close gives WebSockets the time of the drain: who says 1001 has ended well', async (t) => {
  const server = await serve(t, { drainMs: 5000 })
  const wss = new WebSocketServer({ server })
  wss.on('connection', (socket) => {
    socket._socket.once('draining', (leftMs) => {
      assert.ok(leftMs > 0 && leftMs <= 5000)
      socket.send('last words')
      socket.close(1001, 'the server leaves')
    })
  })
  const socket = open(t, server)
  await once(socket, 'open')
  const [heard, closed, over] = [once(socket, 'message'), once(socket, 'close'), once(server, 'close')]
  server.close()
  assert.strictEqual(String((await heard)[0]), 'last words')
  const [code, reason] = await closed
  assert.deepStrictEqual([code, String(reason)], [1001, 'the server leaves'])
  await over
  const { sessionsForced, sessionsGraceful, sessionsByPeer, elapsedMs } = server.report
  assert.deepStrictEqual([sessionsForced, sessionsGraceful + sessionsByPeer], [0, 1])
  assert.ok(elapsedMs < 4000, `${elapsedMs} ms`)
})

test('close cuts WebSockets at the deadline', async (t) => {
  const server = await serve(t)
  const wss = new WebSocketServer({ server })
  const connected = once(wss, 'connection')
  const socket = open(t, server)
  const [ours] = await connected
  await once(socket, 'open')
  const closes = [once(socket, 'close'), once(ours, 'close'), once(server, 'close')]
  server.close({ drainMs: 200 })
  const [[theirs], [mine]] = await Promise.all(closes)
  assert.deepStrictEqual([theirs, mine], [1006, 1006])
  assert.strictEqual(server.report.sessionsForced, 1)
})

test('the socket: bytes, times, addresses, and both ends', async (t) => {
  const server = await serve(t)
  server.on('upgrade', (request, socket) => {
    assert.ok(socket instanceof net.Socket)
    assert.strictEqual(socket.encrypted, true)
    assert.deepStrictEqual([socket.remoteAddress, socket.localPort], ['127.0.0.1', server.address().port])
    assert.strictEqual(socket.setNoDelay().setKeepAlive(true), socket)
    assert.strictEqual(request.headers.connection, 'upgrade')
    socket.once('timeout', () => socket.write('too late'))
    socket.setTimeout(100)
    // In pieces: the head is read as it comes.
    for (const piece of [SWITCH.slice(0, 20), SWITCH.slice(20, -1), `${SWITCH.slice(-1)}first `]) socket.write(piece, 'latin1')
    socket.on('data', (chunk) => socket.write(chunk))
    socket.on('end', () => socket.end('bye'))
  })
  const socket = raw(t, server)
  await until(() => socket.text.includes('too late'), 'the timeout')
  socket.write('echo ')
  await until(() => socket.text.endsWith('echo '), 'the echo')
  socket.end()
  await once(socket, 'end')
  const [head, bytes] = socket.text.split('\r\n\r\n')
  assert.deepStrictEqual(head.toLowerCase().split('\r\n'), ['http/1.1 101 switching protocols', 'connection: upgrade', 'upgrade: echo'])
  assert.strictEqual(bytes, 'first too lateecho bye')
})

test('what the program writes is an answer, or the connection ends', async (t) => {
  const server = await serve(t)
  const errors = []
  let ended = 0
  const answers = {
    plain: 'HTTP/1.1 403 Forbidden\r\nX-One: 1\r\nX-One: 2\r\nContent-Length: 2\r\n\r\nno',
    early: 'HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload\r\n\r\nHTTP/1.1 404 Not Found\r\n\r\nnothing',
    words: 'no such thing\r\n\r\n',
    folded: 'HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n',
    chunked: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    short: 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc',
    endless: `HTTP/1.1 200 OK\r\na: ${'b'.repeat(70000)}`,
    nothing: ''
  }
  server.on('upgrade', (request, socket) => {
    socket.on('error', ({ code }) => errors.push(code))
    socket.on('close', () => ended++)
    socket.end(answers[request.headers.which])
  })
  const ask = async (which) => {
    const socket = raw(t, server, `connection: upgrade\r\nupgrade: echo\r\nwhich: ${which}\r\n`)
    await once(socket, 'end')
    return socket.text
  }
  const plain = await ask('plain')
  assert.match(plain, /^HTTP\/1\.1 403 Forbidden\r\n/)
  for (const line of ['x-one: 1', 'x-one: 2', 'content-length: 2', 'connection: close']) assert.ok(plain.includes(`\r\n${line}\r\n`), line)
  assert.ok(plain.endsWith('\r\n\r\nno'))
  const early = await ask('early')
  assert.match(early, /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a>; rel=preload\r\n\r\nHTTP\/1\.1 404 Not Found\r\n/)
  assert.match(early, /nothing/)
  assert.deepStrictEqual(errors, [])
  for (const which of ['words', 'folded', 'chunked', 'endless']) assert.strictEqual(await ask(which), '', which)
  assert.deepStrictEqual(errors.splice(0), Array(4).fill('GOAWAY_ERR_INVALID'))
  assert.ok(!(await ask('short')).endsWith('abc\r\n'), 'it does not look whole')
  assert.strictEqual(await ask('nothing'), '')
  await until(() => ended === Object.keys(answers).length, 'each is closed, though nobody has read')
})

test('without a listener an upgrade is a request like others', async (t) => {
  const server = await serve(t, {}, (request, response) => {
    request.resume().on('end', () => response.end(`${request.method} ${request.headers.upgrade}`))
  })
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  for (let count = 0; count < 2; count++) {
    const request = https.get({ port: server.address().port, servername: 'localhost', ca, agent, headers: { connection: 'upgrade', upgrade: 'h2c' } })
    const [answer] = await once(request, 'response')
    let text = ''
    for await (const chunk of answer) text += chunk
    assert.strictEqual(text, 'GET h2c')
  }
})

test('a session that is destroyed takes its socket with it', async (t) => {
  const server = await serve(t)
  const upgraded = once(server, 'upgrade')
  const client = raw(t, server)
  const [, socket] = await upgraded
  socket.write(SWITCH)
  await until(() => client.text.endsWith('\r\n\r\n'), 'the head')
  const closed = once(socket, 'close')
  server.closeAllConnections()
  await closed
  assert.ok(socket.destroyed)
  assert.throws(() => { if (!socket.write('x')) throw new Error('it is gone') })
})

/** What a WebSocketServer gives each of its own. */
const OPTIONS = { autoPong: true, closeTimeout: 5000 }

test('ws over a CONNECT of HTTP/2 (RFC 8441)', async (t) => {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } })
  t.after(() => new Promise((resolve) => { server.close({ drainMs: 0 }, resolve) }))
  server.listen(0, '127.0.0.1')
  const closes = []
  server.on('stream', (stream, headers) => {
    assert.deepStrictEqual([headers[':method'], headers[':protocol'], headers[':path']], ['CONNECT', 'websocket', '/chat'])
    stream.respond({ ':status': 200 })
    const socket = new WebSocket(null, undefined, OPTIONS)
    socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 0, skipUTF8Validation: false, allowSynchronousEvents: true })
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
    socket.on('close', (code, reason) => closes.push([code, String(reason)]))
    stream.once('draining', () => socket.close(1001))
  })
  await once(server, 'listening')
  const client = nodeHttp2.connect(`http://127.0.0.1:${server.address().port}`)
  t.after(() => client.destroy())
  await once(client, 'remoteSettings')
  const begin = async () => {
    const stream = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', 'sec-websocket-version': 13 })
    await once(stream, 'response')
    const socket = new WebSocket(null, undefined, OPTIONS)
    socket._isServer = false
    socket.setSocket(stream, Buffer.alloc(0), { maxPayload: 0, skipUTF8Validation: false, allowSynchronousEvents: true })
    return socket
  }
  const [one, two] = [await begin(), await begin()]
  one.send('hello')
  assert.strictEqual(String((await once(one, 'message'))[0]), 'hello')
  const large = Buffer.alloc(2_000_000, 'z')
  two.send(large)
  assert.ok((await once(two, 'message'))[0].equals(large))
  one.ping('x')
  assert.strictEqual(String((await once(one, 'pong'))[0]), 'x')
  one.close(4000, 'done')
  await once(one, 'close')
  await until(() => closes.length === 1, 'the end of one')
  assert.deepStrictEqual(closes, [[4000, 'done']])
  const [closed, over] = [once(two, 'close'), once(server, 'close')]
  server.close()
  assert.strictEqual((await closed)[0], 1001)
  await over
  assert.strictEqual(server.report.sessionsForced, 0)
})
