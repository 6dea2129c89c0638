'use strict'

// The server's life: set up, started, asked about, closed.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { Server, GoawayError, version } = require('../index.js')
const native = require('../lib/native.js')
const { connect, send, sleep } = require('./helpers.js')

const LIMITS = { workers: 1 }

async function started (routes = {}, options = {}) {
  const server = new Server({ limits: LIMITS, ...options })
  for (const [pattern, handler] of Object.entries(routes)) server.register(pattern, handler)
  return server.start({ bind: 0 })
}

test('both module systems have the same classes', async () => {
  const module = await import('../index.mjs')
  assert.strictEqual(module.Server, Server)
  assert.strictEqual(module.default.GoawayError, GoawayError)
  assert.match(version, /^\d+\.\d+\.\d+$/)
})

test('the declarations name every limit, event and cause that the library has', () => {
  const text = readFileSync(join(__dirname, '..', 'index.d.ts'), 'utf8')
  for (const name of Object.keys(native.limits)) {
    const camel = name.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase())
    assert.match(text, new RegExp(`^  ${camel}\\?: number$`, 'm'))
  }
  for (const cause of native.causes) assert.ok(text.includes(`'${cause}'`), cause)
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
  await assert.rejects(server.start())
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
  assert.throws(() => session.origin('https://a'), { code: 'GOAWAY_ERR_GONE' })
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
