'use strict'

// goaway/http2's server: to listen, to close, and what is told of both.

const test = require('node:test')
const assert = require('node:assert')
const net = require('node:net')
const fs = require('node:fs')
const nodeHttp2 = require('node:http2')
const { once } = require('node:events')
const { connect, send, until, sleep } = require('./helpers.js')
const goaway = require('../http2.js')
const { Listener } = require('../index.js')

/** A server with that listener of 'stream', and a client. */
async function pair (onStream, options) {
  const server = goaway.createServer(options)
  server.on('stream', onStream)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { server, client: connect(server.address().port) }
}

const hello = (stream) => {
  stream.respond({ 'content-type': 'text/plain' })
  stream.end('hello')
}

function closed (server, options) {
  return new Promise((resolve, reject) => server.close(options, (error) => error ? reject(error) : resolve()))
}

test('exports what node:http2 has', () => {
  for (const name of Object.keys(nodeHttp2)) assert.ok(name in goaway, name)
  assert.strictEqual(goaway.constants, nodeHttp2.constants)
  assert.strictEqual(goaway.connect, nodeHttp2.connect)
})

test('options are checked as node:http2 checks them', () => {
  for (const options of ['x', 5, null, [], { settings: 5 }, { unknownProtocolTimeout: -1 }, { maxSessionInvalidFrames: -1 }]) {
    let expected
    try {
      nodeHttp2.createServer(options)
    } catch ({ code, message, name }) {
      expected = { code, message, name }
    }
    assert.throws(() => goaway.createServer(options), expected)
  }
  assert.throws(() => goaway.createServer({ settings: { initialWindowSize: -1 } }), { code: 'ERR_HTTP2_INVALID_SETTING_VALUE' })
  assert.throws(() => goaway.createServer({ settings: { maxHeaderListSize: 2 << 20 } }), /1 to 1048576/)
  assert.throws(() => goaway.createServer({ limits: { nonsense: 1 } }), /no limit "nonsense"/)
  assert.throws(() => goaway.createServer({ features: { nonsense: true } }), /no feature "nonsense"/)
  assert.throws(() => goaway.createServer({ features: { http1: 1 } }), /not true or false/)
  assert.throws(() => goaway.createServer({ drainMs: -1 }), { code: 'GOAWAY_ERR_INVALID' })
})

test('small settings are taken as they are', async () => {
  const settings = { initialWindowSize: 100, maxHeaderListSize: 300 }
  const { server, client } = await pair((stream) => {
    stream.respond()
    stream.pipe(stream)
  }, { settings })
  const body = 'as long as it is '.repeat(1000)
  assert.strictEqual((await send(client, '/', { method: 'POST', body })).body, body)
  for (const name in settings) assert.strictEqual(client.remoteSettings[name], settings[name])
  assert.strictEqual((await send(client, '/', { headers: { large: 'x'.repeat(300) } })).status, 431)
  await closed(server)
})

test('is a net.Server', () => {
  assert.ok(goaway.createServer() instanceof net.Server)
})

test('listens in the forms that node:net has', async () => {
  for (const args of [[0], [0, '127.0.0.1'], [0, 16], [0, '127.0.0.1', 16], [{ port: 0, host: '127.0.0.1' }], [{ port: 0, backlog: 3 }], []]) {
    const server = goaway.createServer()
    server.on('stream', hello)
    await new Promise((resolve) => server.listen(...args, resolve))
    assert.ok(server.listening)
    const { port, family, address } = server.address()
    assert.ok(port > 0 && address && /^IPv[46]$/.test(family))
    const client = connect(port)
    assert.strictEqual((await send(client, '/')).body, 'hello')
    client.close()
    await closed(server)
    assert.strictEqual(server.listening, false)
    assert.strictEqual(server.address(), null)
  }
})

test('has its address as soon as listen returns', async () => {
  const server = goaway.createServer().listen(0)
  assert.ok(server.listening && server.address().port > 0)
  await once(server, 'listening')
  await closed(server)
})

test('listens on a name, and on a descriptor that stays the program\'s', async () => {
  const named = goaway.createServer().listen(0, 'localhost')
  await once(named, 'listening')
  assert.ok(named.address().port > 0)
  await closed(named)

  const listener = new Listener('127.0.0.1:0')
  const server = goaway.createServer()
  server.on('stream', hello)
  server.listen({ fd: listener.fd })
  await once(server, 'listening')
  assert.strictEqual(server.address().port, listener.port)
  const client = connect(listener.port)
  assert.strictEqual((await send(client, '/')).status, 200)
  client.close()
  await closed(server)
})

test('an address that is in use is the error that node:net tells', async () => {
  const first = goaway.createServer().listen(0, '127.0.0.1')
  await once(first, 'listening')
  const { port } = first.address()
  const second = goaway.createServer().listen(port, '127.0.0.1')
  const [error] = await once(second, 'error')
  assert.deepStrictEqual(
    { code: error.code, syscall: error.syscall, address: error.address, port: error.port },
    { code: 'EADDRINUSE', syscall: 'listen', address: '127.0.0.1', port }
  )
  assert.strictEqual(second.listening, false)
  await closed(first)
  second.listen(port, '127.0.0.1') // free again
  await once(second, 'listening')
  await closed(second)
})

test('wrong ports and a second listen are refused', async () => {
  assert.throws(() => goaway.createServer().listen(70000), { code: 'ERR_SOCKET_BAD_PORT' })
  assert.throws(() => goaway.createServer().listen({}), { code: 'ERR_INVALID_ARG_VALUE' })
  const server = goaway.createServer().listen(0)
  assert.throws(() => server.listen(0), { code: 'ERR_SERVER_ALREADY_LISTEN' })
  await once(server, 'listening')
  await closed(server)
})

test('a signal closes it', async () => {
  const controller = new AbortController()
  const server = goaway.createServer().listen({ port: 0, signal: controller.signal })
  await once(server, 'listening')
  controller.abort()
  await once(server, 'close')
})

test('close tells idle sessions, and reports', async () => {
  const { server, client } = await pair(hello)
  await send(client, '/')
  const goaways = []
  client.on('goaway', (code) => goaways.push(code))
  assert.strictEqual(server.report, null)
  const ended = once(client, 'close')
  await closed(server)
  await ended
  assert.ok(goaways.length > 0 && goaways.every((code) => code === 0))
  assert.strictEqual(server.report.sessionsGraceful, 1)
  assert.strictEqual(server.report.sessionsForced, 0)
})

test('close waits for open streams', async () => {
  let finish
  const { server, client } = await pair((stream) => {
    stream.respond()
    stream.write('one ')
    finish = () => stream.end('two')
  })
  const answer = send(client, '/')
  await until(() => finish !== undefined, 'the stream')
  let isClosed = false
  server.close(() => { isClosed = true })
  await sleep(50)
  assert.strictEqual(isClosed, false)
  finish()
  assert.strictEqual((await answer).body, 'one two')
  await until(() => isClosed, 'the close')
  assert.strictEqual(server.report.streamsCompleted, 1)
})

test('close ends in time although a stream hangs', async () => {
  const events = []
  const { server, client } = await pair((stream) => {
    stream.respond()
    stream.write('never more')
    for (const name of ['aborted', 'close']) stream.on(name, () => events.push(name))
  }, { drainMs: 150 })
  const answer = send(client, '/')
  await until(() => server.sessions.length === 1 && server.sessions[0].info()?.openStreams === 1, 'the stream')
  const began = Date.now()
  await closed(server)
  assert.ok(Date.now() - began >= 140, 'not before its time')
  const { code } = await answer
  assert.strictEqual(code, goaway.constants.NGHTTP2_CANCEL)
  assert.deepStrictEqual(events, ['aborted', 'close'])
  assert.strictEqual(server.report.sessionsForced, 1)
  assert.strictEqual(server.report.streamsReset, 1)
})

test('a later close can only shorten the time', async () => {
  const { server, client } = await pair(() => {}, { drainMs: 60_000 })
  const answer = send(client, '/')
  await until(() => server.sessions[0]?.info()?.openStreams === 1, 'the stream')
  const first = closed(server)
  await assert.rejects(closed(server, { drainMs: 0 }), { code: 'ERR_SERVER_NOT_RUNNING' })
  await first
  await answer
  assert.strictEqual(server.report.streamsReset, 1)
})

test('close of a server that does not run is ERR_SERVER_NOT_RUNNING', async () => {
  await assert.rejects(closed(goaway.createServer()), { code: 'ERR_SERVER_NOT_RUNNING' })
})

test('listens again after a close', async () => {
  const { server, client } = await pair(hello)
  await send(client, '/')
  await closed(server)
  assert.notStrictEqual(server.report, null)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  assert.strictEqual(server.report, null)
  const again = connect(server.address().port)
  assert.strictEqual((await send(again, '/')).body, 'hello')
  again.close()
  await closed(server)
})

test('await using closes it', async () => {
  const { server } = await pair(hello)
  await server[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]()
  assert.notStrictEqual(server.report, null)
})

test('counts connections, and ends those that are idle, or all', async () => {
  let held
  const { server, client } = await pair((stream) => { held = stream })
  const idle = connect(server.address().port)
  const hanging = send(client, '/')
  await once(idle, 'connect')
  await until(() => held !== undefined && server.sessions.length === 2, 'the sessions')
  const connections = () => new Promise((resolve) => server.getConnections((error, count) => resolve(error ?? count)))
  assert.strictEqual(await connections(), 2)
  const ended = once(idle, 'close')
  server.closeIdleConnections()
  await ended
  await until(() => server.sessions.length === 1, 'the end of the idle one')
  server.closeAllConnections()
  await hanging
  await until(() => server.sessions.length === 0, 'the end of the other')
  assert.ok(server.listening)
  await closed(server)
})

test('what closeAllConnections ends before close is in the report', async () => {
  let held
  const { server, client } = await pair((stream) => { held = stream })
  const hanging = send(client, '/')
  await until(() => held !== undefined, 'the stream')
  server.closeAllConnections()
  await closed(server)
  await hanging
  assert.strictEqual(server.report.sessionsForced, 1)
  assert.strictEqual(server.report.streamsReset, 1)
})

test('closeHttp2Sessions lets streams end', async () => {
  let held
  const { server, client } = await pair((stream) => { held = stream })
  const answer = send(client, '/')
  await until(() => held !== undefined, 'the stream')
  const goaway = once(client, 'goaway')
  server.closeHttp2Sessions()
  await goaway
  hello(held)
  assert.strictEqual((await answer).body, 'hello')
  await closed(server)
})

test('without activity sessions time out, on the server or by themselves', async () => {
  const { server, client } = await pair(() => {})
  const timed = once(server, 'timeout')
  assert.strictEqual(server.setTimeout(30), server)
  assert.strictEqual(server.timeout, 30)
  const later = connect(server.address().port)
  const [session] = await timed
  assert.strictEqual(session.type, goaway.constants.NGHTTP2_SESSION_SERVER)
  session.destroy()
  const last = connect(server.address().port) // nobody listens now
  await once(last, 'close')
  client.close()
  later.close()
  assert.throws(() => server.setTimeout(1, 1), { code: 'ERR_INVALID_ARG_TYPE' })
  await closed(server)
})

test('settings that are updated are announced after the next listen', async () => {
  const server = goaway.createServer()
  assert.throws(() => server.updateSettings(1), { code: 'ERR_INVALID_ARG_TYPE' })
  assert.throws(() => server.updateSettings({ maxFrameSize: 1 }), { code: 'ERR_HTTP2_INVALID_SETTING_VALUE' })
  server.updateSettings({ maxConcurrentStreams: 7 })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  const [settings] = await once(client, 'remoteSettings')
  assert.strictEqual(settings.maxConcurrentStreams, 7)
  client.close()
  await closed(server)
})

test('announces what the options say', async () => {
  const { server, client } = await pair(hello, {
    settings: { initialWindowSize: 100_000, maxConcurrentStreams: 3, maxHeaderListSize: 5000, maxFrameSize: 20_000, enableConnectProtocol: true }
  })
  const [settings] = await once(client, 'remoteSettings')
  assert.strictEqual(settings.initialWindowSize, 100_000)
  assert.strictEqual(settings.maxConcurrentStreams, 3)
  assert.strictEqual(settings.maxHeaderListSize, 5000)
  assert.strictEqual(settings.maxFrameSize, 20_000)
  assert.strictEqual(settings.enableConnectProtocol, true)
  client.close()
  await closed(server)
})

test('serves connections that the program gives, also when it does not listen', async () => {
  const server = goaway.createServer()
  const addresses = []
  server.on('stream', (stream) => {
    addresses.push(stream.session.socket.remotePort)
    hello(stream)
  })
  const front = net.createServer((socket) => server.emit('connection', socket)).listen(0, '127.0.0.1')
  await once(front, 'listening')
  const client = connect(front.address().port)
  assert.strictEqual((await send(client, '/')).body, 'hello')
  assert.strictEqual(server.listening, false)
  assert.deepStrictEqual(addresses, [client.socket.localPort])
  client.close()
  await once(client, 'close')
  front.close()
  await once(front, 'close')
})

test("a listener's failure goes where node:http2 sends it", async () => {
  const { server, client } = await pair(hello)
  server.removeAllListeners('stream')
  const rejection = Symbol.for('nodejs.rejection')
  let headed = false
  server.on('stream', (stream) => {
    stream.on('error', () => {})
    if (headed) stream.respond()
    server[rejection](new Error('failed'), 'stream', stream)
  })
  assert.strictEqual((await send(client, '/')).status, 500)
  headed = true
  assert.strictEqual((await send(client, '/')).code, goaway.constants.NGHTTP2_INTERNAL_ERROR)
  client.close()
  await closed(server)
})

test('HTTP/1.1 is not served', async () => {
  const server = goaway.createServer()
  server.on('stream', () => assert.fail('a stream'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = net.connect(server.address().port, '127.0.0.1')
  let answer = ''
  socket.on('data', (data) => { answer += data.toString('latin1') })
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await new Promise((resolve) => socket.once('close', resolve))
  assert.ok(!answer.startsWith('HTTP/1.1 200'), answer)
  await closed(server)
})
