'use strict'

// goaway/http2's sessions, member by member.

const test = require('node:test')
const assert = require('node:assert')
const net = require('node:net')
const { once } = require('node:events')
const { inspect } = require('node:util')
const { connect, send, until } = require('./helpers.js')
const { createServer, constants } = require('../http2.js')

/** Runs `act(session, client, server)` with a session that has answered once. */
async function withSession (act, { options, settings } = {}) {
  const server = createServer(options)
  server.on('stream', (stream) => {
    stream.respond()
    stream.end()
  })
  const opened = once(server, 'session')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port, settings && { settings })
  const [session] = await opened
  await send(client, '/')
  try {
    await act(session, client, server)
  } finally {
    client.destroy()
    await new Promise((resolve) => server.close({ drainMs: 0 }, resolve))
  }
}

test('says what it is', () => withSession((session, client, server) => {
  assert.strictEqual(session.type, constants.NGHTTP2_SESSION_SERVER)
  assert.strictEqual(session.alpnProtocol, 'h2c')
  assert.strictEqual(session.encrypted, false)
  assert.strictEqual(session.originSet, undefined)
  assert.strictEqual(session.connecting, false)
  assert.strictEqual(session.closed, false)
  assert.strictEqual(session.destroyed, false)
  assert.strictEqual(session.server, server)
  assert.strictEqual(session.goawayCode, 0)
  assert.match(inspect(session), /^ServerHttp2Session \{/)
  assert.strictEqual(session.info().peer, `127.0.0.1:${client.socket.localPort}`)
  assert.strictEqual(session.info().requests, 1)
  const names = ['effectiveLocalWindowSize', 'effectiveRecvDataLength', 'nextStreamID', 'localWindowSize', 'lastProcStreamID',
    'remoteWindowSize', 'outboundQueueSize', 'deflateDynamicTableSize', 'inflateDynamicTableSize']
  for (const name of names) assert.strictEqual(typeof session.state[name], 'number', name)
}))

test('its socket shows addresses, and is not read or written', () => withSession((session, client) => {
  const { socket } = session
  assert.ok(socket instanceof net.Socket)
  assert.strictEqual(socket.remoteAddress, '127.0.0.1')
  assert.strictEqual(socket.remotePort, client.socket.localPort)
  assert.strictEqual(socket.remoteFamily, 'IPv4')
  assert.strictEqual(socket.localAddress, '127.0.0.1')
  assert.strictEqual(socket.localPort, client.socket.remotePort)
  assert.ok(socket.bytesRead > 0 && socket.bytesWritten > 0)
  for (const name of ['destroy', 'emit', 'end', 'pause', 'read', 'resume', 'write', 'setEncoding', 'setKeepAlive', 'setNoDelay']) {
    assert.throws(() => socket[name], { code: 'ERR_HTTP2_NO_SOCKET_MANIPULATION' }, name)
    assert.throws(() => { socket[name] = 1 }, { code: 'ERR_HTTP2_NO_SOCKET_MANIPULATION' }, name)
  }
  socket.mine = 1
  assert.strictEqual(session.socket.mine, 1)
  session.destroy()
  assert.throws(() => socket.remoteAddress, { code: 'ERR_HTTP2_SOCKET_UNBOUND' })
}))

test("'connection' tells of a socket whose end is the session's", async () => {
  const server = createServer()
  const opened = once(server, 'connection')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  const [[socket]] = await Promise.all([opened, once(client, 'connect')]) // in either order
  assert.strictEqual(socket.remoteAddress, '127.0.0.1')
  const ended = [once(client, 'close'), once(socket, 'close')]
  socket.destroy()
  await Promise.all(ended)
  await new Promise((resolve) => server.close(resolve))
})

test('pings are answered', () => withSession(async (session, client) => {
  const ping = (...args) => new Promise((resolve) => {
    assert.strictEqual(session.ping(...args, (error, ms, payload) => resolve({ error, ms, payload })), true)
  })
  const { error, ms, payload } = await ping(Buffer.from('abcdefgh'))
  assert.strictEqual(error, null)
  assert.ok(ms >= 0)
  assert.strictEqual(payload.toString(), 'abcdefgh')
  assert.strictEqual((await ping()).payload.length, 8)
  const told = once(session, 'ping')
  client.ping(Buffer.from('12345678'), () => {})
  assert.strictEqual((await told)[0].toString(), '12345678')
}))

test('of pings so many wait, and those that wait are cancelled', () => withSession(async (session) => {
  const errors = []
  assert.strictEqual(session.ping((error) => errors.push(error)), true)
  assert.strictEqual(session.ping((error) => errors.push(error)), false)
  session.destroy()
  await once(session, 'close')
  assert.deepStrictEqual(errors.map(({ code }) => code), ['ERR_HTTP2_PING_CANCEL', 'ERR_HTTP2_PING_CANCEL'])
}, { options: { maxOutstandingPings: 1 } }))

test('a GOAWAY is sent as it is wished, and nothing else happens', () => withSession(async (session, client) => {
  const told = once(client, 'goaway')
  session.goaway(constants.NGHTTP2_NO_ERROR, 1, Buffer.from('why'))
  const [code, last, data] = await told
  assert.deepStrictEqual([code, last, data.toString()], [0, 1, 'why'])
  assert.strictEqual(session.closed, false)
}))

test("the peer's GOAWAY is told", () => withSession(async (session, client) => {
  const told = once(session, 'goaway')
  const failed = once(session, 'error')
  const ofServer = once(session.server, 'sessionError')
  client.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('calm'))
  const [code, last, data] = await told
  assert.deepStrictEqual([code, last, data.toString()], [11, 0, 'calm'])
  assert.strictEqual((await failed)[0].code, 'ERR_HTTP2_SESSION_ERROR')
  assert.strictEqual((await ofServer)[1], session)
  assert.strictEqual(session.destroyed, true)
  assert.strictEqual(session.goawayCode, 11)
}))

test('other services are told, of origins and of streams', () => withSession(async (session, client, server) => {
  const told = []
  client.on('altsvc', (value, origin, stream) => told.push([value, origin, stream]))
  session.altsvc('h2=":1"', 'https://example.org/path')
  session.altsvc('h2=":2"', new URL('https://example.org:81/'))
  session.altsvc('h2=":3"', { origin: 'https://example.com' })
  for (const nothing of [undefined, 99, 4294967295]) session.altsvc('h2=":4"', nothing)
  session.origin()
  session.origin('https://example.org', new URL('https://example.com/path'))
  server.once('stream', (stream) => stream.session.altsvc('clear', stream.id))
  const { stream } = await send(client, '/')
  assert.deepStrictEqual(told, [
    ['h2=":1"', 'https://example.org', 0],
    ['h2=":2"', 'https://example.org:81', 0],
    ['h2=":3"', 'https://example.com', 0],
    ['clear', '', stream.id]
  ])
}))

test('settings of both sides are known', () => withSession(async (session, client) => {
  assert.strictEqual(session.remoteSettings.enablePush, false)
  assert.strictEqual(session.remoteSettings.maxHeaderListSize, 12345)
  assert.deepStrictEqual({ ...session.localSettings }, { ...client.remoteSettings })
  await until(() => !session.pendingSettingsAck, 'the answer to our settings')
  const told = once(session, 'remoteSettings')
  client.settings({ maxFrameSize: 20_000 })
  assert.strictEqual((await told)[0].maxFrameSize, 20_000)
  assert.strictEqual(session.remoteSettings.maxHeaderListSize, 12345)
}, { settings: { enablePush: false, maxHeaderListSize: 12345 } }))

test('its own window can be set', () => withSession((session) => {
  assert.strictEqual(session.state.localWindowSize, 1 << 20)
  session.setLocalWindowSize(2 ** 21)
  assert.strictEqual(session.state.localWindowSize, 2 ** 21)
  assert.strictEqual(session.state.effectiveLocalWindowSize, 2 ** 21)
  session.setLocalWindowSize(2 ** 20)
  assert.strictEqual(session.state.localWindowSize, 2 ** 20)
}))

test('wrong arguments are refused as node:http2 refuses them', () => withSession((session) => {
  const cases = [
    [() => session.ping('x', () => {}), 'ERR_INVALID_ARG_TYPE'],
    [() => session.ping(Buffer.alloc(7), () => {}), 'ERR_HTTP2_PING_LENGTH'],
    [() => session.ping(Buffer.alloc(8)), 'ERR_INVALID_ARG_TYPE'],
    [() => session.goaway('x'), 'ERR_INVALID_ARG_TYPE'],
    [() => session.goaway(0, 'x'), 'ERR_INVALID_ARG_TYPE'],
    [() => session.goaway(0, 0, 'x'), 'ERR_INVALID_ARG_TYPE'],
    [() => session.settings(5), 'ERR_INVALID_ARG_TYPE'],
    [() => session.settings({ maxFrameSize: 1 }), 'ERR_HTTP2_INVALID_SETTING_VALUE'],
    [() => session.settings({}, 5), 'ERR_INVALID_ARG_TYPE'],
    [() => session.setLocalWindowSize(-1), 'ERR_OUT_OF_RANGE'],
    [() => session.setLocalWindowSize('x'), 'ERR_INVALID_ARG_TYPE'],
    [() => session.setNextStreamID(0), 'ERR_OUT_OF_RANGE'],
    [() => session.setTimeout('x'), 'ERR_INVALID_ARG_TYPE'],
    [() => session.altsvc('a', 0), 'ERR_OUT_OF_RANGE'],
    [() => session.altsvc('a', 'null'), 'ERR_INVALID_URL'],
    [() => session.altsvc('ä€', 1), 'ERR_INVALID_CHAR'],
    [() => session.origin({}), 'ERR_INVALID_ARG_TYPE'],
    // What the library cannot do says so.
    [() => session.altsvc('a', 1.5), 'ERR_OUT_OF_RANGE'],
    [() => session.altsvc('\u0001', 1), 'ERR_INVALID_CHAR'],
    [() => session.altsvc('a', { origin: 'example.org' }), 'GOAWAY_ERR_INVALID'],
    [() => session.altsvc('a'.repeat(16383), 1), 'ERR_HTTP2_ALTSVC_LENGTH'],
    [() => session.origin('foo://bar'), 'ERR_HTTP2_INVALID_ORIGIN'],
    [() => session.origin(`https://${'a'.repeat(16383)}`), 'ERR_HTTP2_ORIGIN_LENGTH'],
    [() => session.setNextStreamID(10), 'ERR_METHOD_NOT_IMPLEMENTED']
  ]
  for (const [act, code] of cases) assert.throws(act, { code }, act.toString())
}))

test('close lets streams end, once', () => withSession(async (session, client, server) => {
  server.removeAllListeners('stream')
  const streams = []
  server.on('stream', (stream) => streams.push(stream))
  const answer = send(client, '/')
  await until(() => streams.length === 1, 'the stream')
  let calls = 0
  session.close(() => calls++)
  session.close(() => calls++)
  assert.strictEqual(session.closed, true)
  assert.strictEqual(session.destroyed, false)
  streams[0].respond()
  streams[0].end('late')
  assert.strictEqual((await answer).body, 'late')
  await until(() => calls > 0 && session.destroyed, 'the end')
  assert.strictEqual(calls, 1)
}))

test('destroy ends it and its streams with its code', () => withSession(async (session, client, server) => {
  server.removeAllListeners('stream')
  const events = []
  server.on('stream', (stream) => {
    stream.on('error', (error) => events.push(error.message, stream.rstCode))
    stream.on('aborted', () => events.push('aborted'))
    stream.on('close', () => events.push('closed'))
    session.on('error', (error) => events.push(`session: ${error.message}`))
    session.destroy(new Error('enough'), constants.NGHTTP2_ENHANCE_YOUR_CALM)
    assert.strictEqual(stream.session, undefined)
    assert.throws(() => session.ping(() => {}), { code: 'ERR_HTTP2_INVALID_SESSION' })
    session.destroy()
  })
  const told = once(client, 'goaway')
  send(client, '/').catch(() => {})
  assert.strictEqual((await told)[0], constants.NGHTTP2_ENHANCE_YOUR_CALM)
  await until(() => events.includes('closed'), 'the end')
  assert.deepStrictEqual(events.filter((event) => event !== 'closed').sort(), ['aborted', 'enough', 11, 'session: enough'].sort())
}))

test("'timeout' comes without activity, and activity puts it off", () => withSession(async (session) => {
  const told = once(session, 'timeout')
  session.setTimeout(20)
  await told
  await new Promise((resolve) => session.setTimeout(20, resolve))
  session.setTimeout(0)
}))

test("'stream' is told to the session too", () => withSession(async (session, client) => {
  const told = once(session, 'stream')
  await send(client, '/here')
  const [stream, headers, flags, raw] = await told
  assert.strictEqual(stream.id, 3)
  assert.strictEqual(headers[':path'], '/here')
  assert.strictEqual(flags, constants.NGHTTP2_FLAG_END_STREAM | constants.NGHTTP2_FLAG_END_HEADERS)
  assert.ok(raw.includes('/here'))
}))

test('a peer that breaks the protocol is a sessionError', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const told = once(server, 'sessionError')
  const socket = net.connect(server.address().port, '127.0.0.1')
  socket.on('error', () => {})
  // The preface, and DATA on stream 0 (RFC 9113, section 6.1).
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 65])]))
  socket.resume()
  const [error, session] = await told
  assert.strictEqual(error.code, 'ERR_HTTP2_ERROR')
  assert.strictEqual(session.destroyed, true)
  socket.destroy()
  await new Promise((resolve) => server.close(resolve))
})

test('a peer whose SETTINGS are too many is sent away', async () => {
  const server = createServer({ maxSettings: 2 }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const told = once(server, 'sessionError')
  const client = connect(server.address().port, { settings: { enablePush: false, maxFrameSize: 20_000, initialWindowSize: 70_000 } })
  const ended = new Promise((resolve) => client.once('close', resolve))
  assert.strictEqual((await told)[0].code, 'ERR_HTTP2_SESSION_ERROR')
  await ended
  await new Promise((resolve) => server.close(resolve))
})

test('a destroyed session refuses the requests that the program has not got', async () => {
  const server = createServer()
  const get = (stream) => Buffer.from([0, 0, 6, 1, 5, 0, 0, 0, stream, 0x82, 0x86, 0x84, 0x41, 1, 0x61])
  const seen = []
  let socket
  server.on('stream', (stream) => {
    seen.push(stream.id)
    socket.write(get(3))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50) // so that it arrives meanwhile
    stream.session.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  socket = net.connect(server.address().port, '127.0.0.1')
  const bytes = []
  socket.on('data', (data) => bytes.push(data))
  socket.write(Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]), get(1)]))
  await once(socket, 'end')
  await new Promise((resolve) => server.close(resolve))
  const all = Buffer.concat(bytes)
  const goaway = all.subarray(all.indexOf(Buffer.from([0, 0, 8, 7, 0, 0, 0, 0, 0])))
  assert.deepStrictEqual([...goaway], [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
  assert.deepStrictEqual(seen, [1])
})

test('a session that is destroyed as it opens is told why', async () => {
  const server = createServer()
  server.on('session', (session) => session.destroy(constants.NGHTTP2_ENHANCE_YOUR_CALM))
  server.on('sessionError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  for (let count = 0; count < 10; count++) {
    const socket = net.connect(server.address().port, '127.0.0.1')
    const bytes = []
    socket.on('data', (data) => bytes.push(data))
    await once(socket, 'end')
    assert.deepStrictEqual([...Buffer.concat(bytes).subarray(-17)], [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11])
  }
  await new Promise((resolve) => server.close(resolve))
})

test('a session that is destroyed right before the server closes is in its report', async () => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  const asked = once(server, 'stream')
  client.request({ ':path': '/' }).on('error', () => {})
  const [stream] = await asked
  stream.session.destroy()
  // Time enough for the library's thread to end it, if it knew.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
  await new Promise((resolve) => server.close({ drainMs: 1000 }, resolve))
  const { sessionsGraceful, sessionsForced, streamsReset } = server.report
  assert.deepStrictEqual([sessionsGraceful + sessionsForced, streamsReset], [1, 1])
  client.destroy()
})
