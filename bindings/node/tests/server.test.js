'use strict'

// The server's life: set up, started, asked about, closed.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { Listener, Server, GoawayError, version } = require('../index.js')
const goaway = require('../index.js')
const { EVENTS } = require('../lib/session.js')
const { createServerFactory } = require('../fastify.js')
const native = require('../lib/native.js')
const { connect, send, sleep } = require('./helpers.js')
const { Frames, DATA } = require('./frames.js')

const LIMITS = { workers: 1 }

async function started (routes = {}, options = {}) {
  const server = new Server({ limits: LIMITS, ...options })
  for (const [pattern, handler] of Object.entries(routes)) server.register(pattern, handler)
  return server.start({ bind: 0 })
}

test('both module systems have the same classes', async () => {
  const module = await import('../index.mjs')
  assert.strictEqual(module.Server, Server)
  assert.deepStrictEqual(module.default, goaway)
  assert.deepStrictEqual(Object.keys(module).sort(), [...Object.keys(goaway), 'default'].sort())
  assert.match(version, /^\d+\.\d+\.\d+$/)
})

test('the declarations name every limit, event and cause that the library has', () => {
  const text = readFileSync(join(__dirname, '..', 'index.d.ts'), 'utf8')
  for (const name of Object.keys(native.limits)) {
    const camel = name.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase())
    assert.match(text, new RegExp(`^  ${camel}\\?: number$`, 'm'))
  }
  const union = (type) => new RegExp(`export type ${type} =([^;]*?)\\(string & \\{\\}\\)`).exec(text)[1].match(/'[a-z_]+'/g).map((word) => word.slice(1, -1))
  assert.deepStrictEqual(union('Cause'), native.causes)
  assert.deepStrictEqual(union('Outcome'), native.outcomes)
  const fallback = /declare const goaway: \{([^}]*)\}/.exec(text)[1].match(/^ {2}\w+/gm).map((name) => name.trim())
  assert.deepStrictEqual(fallback.sort(), Object.keys(goaway).sort())
  const interfaces = /export interface (SessionEvents|ServerEvents) \{([^]*?)\n\}/g
  const events = new Set([...text.matchAll(interfaces)].flatMap(([, , body]) => body.match(/^ {2}\w+(?=:)/gm).map((name) => name.trim())))
  for (const event of EVENTS) assert.ok(event === 'opened' || events.has(event), event)
  const header = readFileSync(join(__dirname, '..', '..', '..', 'include', 'goaway.h'), 'utf8')
  const limits = header.match(/GOAWAY_LIMIT_[A-Z0-9_]+ = /g).length
  assert.strictEqual(Object.keys(native.limits).length, limits, 'every limit of goaway.h')
})

test('what is wrong is refused with its code', async () => {
  const server = new Server()
  assert.throws(() => server.setLimit('sides', 3), { code: 'GOAWAY_ERR_INVALID' })
  assert.throws(() => server.setLimit('workers', 0), { name: 'GoawayError', code: 'GOAWAY_ERR_INVALID' })
  assert.throws(() => server.setLimit('workers', 1.5), { code: 'GOAWAY_ERR_INVALID' })
  assert.throws(() => server.register('GET /', 'no function'), { code: 'GOAWAY_ERR_INVALID' })
  assert.throws(() => server.register('nonsense', () => {}), { code: 'GOAWAY_ERR_INVALID' })
  server.register('GET /', () => {})
  assert.throws(() => server.register('GET /', () => {}), { code: 'GOAWAY_ERR_INVALID' })
  assert.throws(() => server.listen('nonsense'), { code: 'GOAWAY_ERR_ADDRESS' })
  assert.throws(() => server.session(1), { code: 'GOAWAY_ERR_GONE' })
  await assert.rejects(server.start(), { code: 'GOAWAY_ERR_STATE' })
  await assert.rejects(server.close({ drainMs: -1 }), { code: 'GOAWAY_ERR_INVALID' })
  assert.throws(() => new Server({ queueRecords: 0 }), { code: 'GOAWAY_ERR_INVALID' })
  const running = await started()
  await assert.rejects(running.start(), { code: 'GOAWAY_ERR_STATE' })
  assert.throws(() => running.register('GET /x', () => {}), { code: 'GOAWAY_ERR_STATE' })
  assert.throws(() => running.handOver(99), { name: 'GoawayError', code: 'GOAWAY_ERR_NOT_FOUND', message: 'there is no listener 99' })
  await assert.rejects(new Server().start({ bind: running.port }), { code: 'GOAWAY_ERR_ADDRESS_IN_USE' })
  await Promise.all([server.close(), running.close()])
})

test('a native method on what is no server throws', () => {
  const { take, port } = native.Server.prototype
  assert.throws(() => port.call({}, 0), /not a server|Illegal invocation/)
  assert.throws(() => take.call(Object.create(native.Server.prototype)), /not a server|Illegal invocation/)
})

test('it listens on several addresses', async () => {
  const server = new Server({ limits: LIMITS })
  server.register('GET /', (request) => request.respond(200, 'hi'))
  server.listen({ host: '127.0.0.1', port: 0 }).listen('127.0.0.1:0')
  await server.start()
  assert.strictEqual(server.ports.length, 2)
  for (const port of server.ports) {
    const client = connect(port)
    assert.strictEqual((await send(client, '/')).body, 'hi')
    client.close()
  }
  await server.close()
})

test('readiness may be taken back', async () => {
  const server = await started()
  assert.strictEqual(server.ready, true)
  server.ready = false
  assert.strictEqual(server.ready, false)
  server.ready = true
  const closed = server.close()
  assert.strictEqual(server.ready, false)
  await closed
  assert.strictEqual(server.ready, false)
})

test('close: with a shutdown delay it serves meanwhile, and is not ready', async () => {
  const server = await started({ 'GET /': (request) => request.respond(200, 'hi') })
  const closing = server.close({ drainMs: 60_000, shutdownDelayMs: 60_000 })
  assert.strictEqual(server.ready, false)
  const client = connect(server.port)
  assert.strictEqual((await send(client, '/')).body, 'hi')
  const told = once(client, 'goaway')
  const again = server.close({ drainMs: 60_000 })
  await told
  assert.strictEqual((await closing).sessionsGraceful, 1)
  assert.strictEqual(await again, await closing)
})

test('close: a shutdown delay that is none is an error', async () => {
  const server = await started()
  for (const shutdownDelayMs of [-1, NaN, '5', 2 ** 32, null]) {
    await assert.rejects(server.close({ shutdownDelayMs }), { code: 'GOAWAY_ERR_INVALID', message: /shutdownDelayMs is/ })
  }
  assert.strictEqual(server.ready, true)
  assert.ok((await server.close({ shutdownDelayMs: 200 })).elapsedMs >= 200)
})

test('close: everybody gets the one report, also afterwards', async () => {
  const server = await started({ 'GET /': (request) => request.respond(200, 'hi') })
  const client = connect(server.port)
  await send(client, '/')
  const told = once(client, 'goaway')
  assert.strictEqual(server.report, null)
  const closed = once(server, 'close')
  const [one, two] = await Promise.all([server.close({ drainMs: 5000 }), server.close({ drainMs: 1000 })])
  assert.strictEqual((await told)[0], 0)
  assert.strictEqual(one, two)
  assert.strictEqual((await closed)[0], one)
  assert.strictEqual(await server.close(), one)
  assert.strictEqual(server.report, one)
  assert.deepStrictEqual([one.sessionsGraceful, one.sessionsForced], [1, 0])
  assert.deepStrictEqual(server.sessions(), [])
})

test('close: open streams are told, and reset at the deadline', async () => {
  const seen = {}
  const server = await started({
    'GET /ends': (request) => {
      request.writeHead(200)
      request.draining.addEventListener('abort', () => {
        seen.left = [request.leftMs, request.draining.reason.leftMs]
        request.end('bye')
      })
    },
    'GET /stays': (request) => {
      request.writeHead(200)
      request.signal.addEventListener('abort', () => { seen.reason = request.signal.reason.reason })
    }
  })
  const progress = []
  server.on('progress', (step) => progress.push(step))
  const clients = [connect(server.port), connect(server.port)]
  const ends = send(clients[0], '/ends')
  const stays = send(clients[1], '/stays')
  await sleep(100)
  const report = await server.close({ drainMs: 500 })
  assert.strictEqual((await ends).body, 'bye')
  assert.strictEqual((await stays).code, 8)
  assert.ok(seen.left[0] <= 500 && seen.left[0] > 300 && seen.left[1] <= 500, String(seen.left))
  assert.strictEqual(seen.reason, 'deadline')
  assert.deepStrictEqual([report.sessionsGraceful, report.sessionsForced, report.streamsCompleted, report.streamsReset], [1, 1, 1, 1])
  assert.ok(progress.length > 2 && progress[0].leftMs > progress.at(-1).leftMs)
})

test('close: a response that has its end is not asked for another', async () => {
  let asked = 0
  const server = await started({
    'GET /held': (request) => {
      request.draining.addEventListener('abort', () => { asked++; request.end('late') })
      request.writeHead(200)
      for (let count = 0; count < 20; count++) request.write(Buffer.alloc(20_000))
      request.end('!')
    },
    'POST /read': async (request) => {
      request.draining.addEventListener('abort', () => { asked++; request.end('late') })
      setTimeout(() => request.respond(200, 'early'), 20)
      for await (const chunk of request.body) chunk.toString()
    }
  })
  const client = connect(server.port)
  const held = client.request({ ':path': '/held' })
  const read = client.request({ ':method': 'POST', ':path': '/read' })
  read.write('some')
  await Promise.all([once(held, 'response'), once(read, 'response')]) // and neither is read to its end
  const closed = server.close({ drainMs: 2000 })
  await sleep(50)
  read.end()
  for (const stream of [held, read]) stream.resume()
  const report = await closed
  assert.deepStrictEqual([asked, report.streamsReset], [0, 0])
})

test('close(0) forces', async () => {
  const server = await started({ 'GET /': (request) => request.writeHead(200) })
  const client = connect(server.port)
  const answer = send(client, '/')
  await sleep(100)
  const report = await server.close({ drainMs: 0 })
  assert.strictEqual(report.sessionsForced, 1)
  assert.ok(report.elapsedMs < 1500)
  assert.notStrictEqual((await answer).code, 0)
})

test('a server that was never started closes too', async () => {
  const server = new Server().listen(0)
  const report = await server.close()
  assert.strictEqual(report.sessionsGraceful, 0)
  await assert.rejects(server.start(), { name: 'GoawayError', code: 'GOAWAY_ERR_STATE' })
  for (const act of [
    () => server.register('GET /', () => {}), () => server.listen(0), () => server.setLimit('workers', 1),
    () => server.setFeature('http1', true),
    () => server.handOver(), () => { server.ready = true }
  ]) assert.throws(act, { name: 'GoawayError', code: 'GOAWAY_ERR_STATE' })
})

test('frames are padded as the server says', async () => {
  for (const [padding, length] of [[undefined, 5], ['none', 5], ['aligned', 7], ['max', 261]]) {
    const server = await started({ 'GET /': (request) => request.respond(200, 'hello') }, { padding })
    const frames = await Frames.connect(server.port, 10_000)
    frames.greet()
    await frames.settle()
    frames.ask()
    const { payload } = await frames.until(DATA)
    assert.strictEqual(payload.length, length, padding)
    frames.close()
    await server.close({ drainMs: 0 })
  }
  for (const padding of ['most', 1, null]) assert.throws(() => new Server({ padding }), { code: 'GOAWAY_ERR_INVALID' })
})

test('an option that there is not is refused with those that there are', async () => {
  const server = await started()
  const request = { name: 'GoawayError', code: 'GOAWAY_ERR_INVALID' }
  const refused = (act, names) => assert.throws(act, (error) => {
    assert.deepStrictEqual([error.name, error.code], [request.name, request.code])
    for (const name of names) assert.ok(error.message.includes(name), error.message)
    return true
  })
  refused(() => new Server({ limit: {} }), ['"limit"', 'limits, features, queueRecords'])
  refused(() => new Server({ limits: { idle: 1 } }), ['"idle"', 'idleMs', 'workers'])
  refused(() => new Server().setLimit('idle', 1), ['"idle"', 'idleMs', 'workers'])
  refused(() => new Server({ limits: { http1: 0 } }), ['"http1"'])
  refused(() => new Server({ features: { http2: true } }), ['"http2"', 'http1', 'connectProtocol'])
  refused(() => new Server({ features: { http1: 0 } }), ['http1', '0', 'true or false'])
  refused(() => new Server().setFeature('idleMs', true), ['"idleMs"', 'http1'])
  refused(() => new Server(null), ['null'])
  for (const address of [{ port: 0, reuseport: true }, { port: 0, foo: 1 }, { path: '/a', Mode: 1 }, { fd: 0, backlogs: 1 }]) {
    refused(() => new Server().listen(address), [`"${Object.keys(address)[1]}"`, 'host, port', 'reusePort', 'tls'])
    refused(() => new Listener(address), ['reusePort'])
  }
  refused(() => createServerFactory({ drain: 1 }), ['"drain"', 'drainMs'])
  const client = connect(server.port)
  await once(client, 'remoteSettings')
  const session = server.session(server.sessions()[0].id)
  refused(() => session.close({ drain: 1 }), ['"drain"', 'drainMs'])
  refused(() => session.abort({ reason: 'x' }), ['"reason"', 'code, debug'])
  refused(() => session.abort({ code: -1 }), ['-1'])
  refused(() => session.abort({ code: 2 ** 32 }), ['4294967296'])
  refused(() => session.abort({ debug: 7 }), ['debug'])
  refused(() => session.altsvc('clear', { streams: 1 }), ['"streams"', 'origin, stream'])
  await assert.rejects(new Server().start({ binds: 0 }), { ...request, message: /"binds"; it has bind$/ })
  await assert.rejects(server.close({ drain: 1 }), { ...request, message: /"drain"; it has drainMs, shutdownDelayMs$/ })
  client.destroy()
  await server.close({ drainMs: 0 })
})

test('a value that an option cannot have is refused by its name', () => {
  for (const address of [
    { port: '80' }, { port: -1 }, { port: 1.5 }, { host: 7 }, { host: 'a?backlog=1' }, { path: 7 }, { fd: -1 }, { path: '/a', mode: '660' },
    { port: 0, backlog: '1' }, { port: 0, reusePort: 1 }, { port: 0, proxy: 'unix&backlog=1' }, { port: 0, proxy: [7] },
    { path: '/a', port: 0 }, { fd: 0, path: '/a' }, { fd: 0, host: 'a' }
  ]) {
    const name = Object.keys(address).at(-1)
    assert.throws(() => new Server().listen(address), (error) => error.code === 'GOAWAY_ERR_INVALID' && error.message.includes(name), JSON.stringify(address))
  }
  for (const address of [null, undefined, true, []]) assert.throws(() => new Server().listen(address), (error) => error.code.startsWith('GOAWAY_ERR_'), String(address))
})

test('sessions: each opened once and closed once, with figures between', async () => {
  const server = await started({ 'GET /': (request) => request.respond(200, 'hi') })
  const seen = []
  server.on('session', (session) => {
    seen.push(`opened ${session.id}`)
    session.on('settings', () => seen.push('settings'))
    session.on('ping', () => seen.push('ping'))
    session.on('goaway', ({ code, lastStream, debug }) => seen.push(`goaway ${code} ${lastStream} ${debug}`))
    session.on('closed', ({ outcome, cause }) => {
      seen.push(`closed ${session.id} ${outcome} ${cause}`)
      assert.strictEqual(session.closed.outcome, outcome)
      assert.strictEqual(session.info(), undefined)
    })
  })
  const client = connect(server.port)
  await send(client, '/')
  await new Promise((resolve) => client.ping(resolve))
  const [info] = server.sessions()
  assert.deepStrictEqual([info.state, info.requests, info.openStreams, info.protocol], ['open', 1, 0, 'h2'])
  assert.ok(info.bytesIn > 0 && info.bytesOut > 0 && info.ageMs >= 0)
  client.goaway(11, 0, Buffer.from('farewell'))
  await sleep(50)
  client.destroy()
  await sleep(50)
  await server.close()
  assert.deepStrictEqual(seen, [`opened ${info.id}`, 'settings', 'ping', 'goaway 11 0 farewell', `closed ${info.id} by_peer peer_goaway`])
})

test('a session is told of other services and origins', async () => {
  const server = await started({ 'GET /': (request) => {
    request.session.altsvc('clear', { stream: request.stream })
    request.session.altsvc('h2=":1"', { origin: 'https://example.org' })
    request.session.origin('https://example.com')
    request.respond(200)
  } })
  const client = connect(server.port)
  const told = []
  client.on('altsvc', (value, origin, stream) => told.push([value, origin, stream]))
  const { stream } = await send(client, '/')
  assert.deepStrictEqual(told, [['clear', '', stream.id], ['h2=":1"', 'https://example.org', 0]])
  const session = server.session(server.sessions()[0].id)
  for (const act of [
    () => session.altsvc('clear'), () => session.altsvc('clear', { stream: 1, origin: 'https://a' }),
    () => session.altsvc('clear', { stream: -1 }), () => session.altsvc(7, { stream: 1 }), () => session.altsvc('a\0', { stream: 1 }),
    () => session.origin('example.com'), () => session.origin(7)
  ]) assert.throws(act, { code: 'GOAWAY_ERR_INVALID' })
  client.destroy()
  for (let count = 0; count < 1000 && server.sessions().length > 0; count++) await sleep(10)
  assert.deepStrictEqual([session.origin('https://a'), session.altsvc('clear', { stream: 1 }), session.close(), session.abort()], [false, false, false, false])
  await server.close({ drainMs: 0 })
})

test('a session is closed, or aborted, by itself', async () => {
  const server = await started({ 'GET /': (request) => request.respond(200, 'hi') })
  const [one, two, three] = [connect(server.port), connect(server.port), connect(server.port)]
  for (const client of [one, two, three]) await send(client, '/')
  const [first, second] = server.sessions()
  const told = [once(one, 'goaway'), once(two, 'goaway')]
  server.session(first.id).close({ drainMs: 500 })
  server.session(second.id).abort({ code: 11, debug: 'calm down' })
  assert.strictEqual((await told[0])[0], 0)
  const [code, , debug] = await told[1]
  assert.deepStrictEqual([code, debug.toString()], [11, 'calm down'])
  assert.strictEqual((await send(three, '/')).body, 'hi')
  three.close()
  await server.close()
  assert.throws(() => server.session(first.id), { code: 'GOAWAY_ERR_GONE' })
})

test('a listener that throws is the process\'s affair, not the server\'s', async () => {
  const server = await started({ 'GET /': (request) => request.respond(200, 'hi') })
  server.on('session', () => { throw new Error('thrown in a listener') })
  const thrown = new Promise((resolve) => {
    const kept = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.once('uncaughtException', (error) => {
      for (const listener of kept) process.on('uncaughtException', listener)
      resolve(error)
    })
  })
  const client = connect(server.port)
  assert.strictEqual((await send(client, '/')).body, 'hi')
  assert.strictEqual((await thrown).message, 'thrown in a listener')
  client.close()
  await server.close()
})

test('await using closes', async () => {
  const server = await started()
  await server[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]()
  assert.notStrictEqual(server.report, null)
})
