'use strict'

// Fastify over goaway: by its serverFactory, and unchanged with the swap.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { join } = require('node:path')
const { Readable } = require('node:stream')
const { start, connect, send } = require('./helpers.js')

// It needs Node.js 20.
const skip = Number(process.versions.node.split('.')[0]) < 20
const fastify = skip ? null : require('fastify')
const { serverFactory, createServerFactory } = require('../fastify.js')

const PATIENCE_MS = 10_000

/** An app that listens, with what `routes(app)` adds, and a client. */
async function serve (t, options, routes) {
  const app = fastify({ http2: true, serverFactory, ...options })
  routes(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const client = connect(app.server.address().port)
  t.after(async () => {
    client.destroy()
    await app.close()
  })
  return { app, client }
}

test('a shutdown delay comes before the close, and is not ready', { skip }, async () => {
  const app = fastify({ http2: true, serverFactory: createServerFactory({ shutdownDelayMs: 60_000 }) })
  let closed = false
  app.get('/', async () => 'hi')
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { server } = app
  const { port } = server.address()
  assert.strictEqual(server.ready, true)
  const closing = app.close().then(() => { closed = true })
  while (server.ready) await new Promise((resolve) => setTimeout(resolve, 5))
  const client = connect(port)
  // Fastify itself refuses what comes after its close (return503OnClosing).
  assert.strictEqual((await send(client, '/')).status, 503)
  assert.strictEqual(closed, false)
  server.close({ drainMs: 1000 })
  await closing
  assert.throws(() => createServerFactory({ shutdownDelayMs: -1 })(() => {}, { http2: true }), { code: 'GOAWAY_ERR_INVALID' })
})

test('routes, bodies and errors', { skip }, async (t) => {
  const { client } = await serve(t, {}, (app) => {
    app.get('/users/:id', async (request) => ({ id: request.params.id, q: request.query.q }))
    app.post('/json', async (request, reply) => reply.code(201).header('x-one', ['a', 'b']).send(request.body))
    app.get('/fail', async () => { throw new Error('as it must') })
    app.get('/trailer', async (request, reply) => {
      reply.trailer('x-sum', async () => 'abc')
      return 'with a trailer'
    })
  })

  const user = await send(client, '/users/7?q=a%20b')
  assert.deepStrictEqual(JSON.parse(user.body), { id: '7', q: 'a b' })
  assert.strictEqual(user.headers['content-type'], 'application/json; charset=utf-8')

  const json = await send(client, '/json', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":[1,2]}' })
  assert.strictEqual(json.status, 201)
  assert.strictEqual(json.headers['x-one'], 'a, b')
  assert.deepStrictEqual(JSON.parse(json.body), { a: [1, 2] })

  assert.strictEqual((await send(client, '/fail')).status, 500)
  assert.strictEqual((await send(client, '/none')).status, 404)
  const bad = await send(client, '/json', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":' })
  assert.strictEqual(bad.status, 400)

  const trailer = await send(client, '/trailer')
  assert.strictEqual(trailer.body, 'with a trailer')
  assert.strictEqual(trailer.trailers['x-sum'], 'abc')

  const head = await send(client, '/users/7', { method: 'HEAD' })
  assert.strictEqual(head.status, 200)
  assert.strictEqual(head.body, '')
})

test('a head that cannot be sent is an error for the peer, and ends nothing else', { skip }, async (t) => {
  const { client } = await serve(t, {}, (app) => {
    const large = (reply) => reply.code(403).header('x-a', 'h'.repeat(66_000))
    app.get('/large', (request, reply) => large(reply).send('denied'))
    app.get('/large/async', async (request, reply) => {
      large(reply)
      return 'denied'
    })
    app.get('/large/stream', (request, reply) => large(reply).send(Readable.from(['denied'])))
    app.get('/invalid', (request, reply) => reply.code(403).header('x-a', 'x\ny').send('denied'))
  })
  for (const path of ['/large', '/large/async', '/large/stream']) {
    const { status, body, code } = await send(client, path)
    assert.deepStrictEqual([status, body, code], [0, '', 6], path)
  }
  // As over HTTP/1.1 of node:http.
  const invalid = await send(client, '/invalid')
  assert.deepStrictEqual([invalid.status, invalid.headers['x-a'], JSON.parse(invalid.body).code], [403, undefined, 'ERR_INVALID_CHAR'])
})

test('hooks are called in order, each once', { skip }, async (t) => {
  const called = []
  let responded
  const done = new Promise((resolve) => { responded = resolve })
  const { client } = await serve(t, {}, (app) => {
    for (const hook of ['onRequest', 'preParsing', 'preHandler', 'onSend']) {
      app.addHook(hook, (request, reply, ...rest) => {
        called.push(hook)
        rest[rest.length - 1]()
      })
    }
    app.addHook('onResponse', async () => {
      called.push('onResponse')
      responded()
    })
    app.get('/', async () => 'hooked')
  })
  assert.strictEqual((await send(client, '/')).body, 'hooked')
  await done
  assert.deepStrictEqual(called, ['onRequest', 'preParsing', 'preHandler', 'onSend', 'onResponse'])
})

test('streams both ways', { skip }, async (t) => {
  const piece = Buffer.alloc(64 * 1024, 'z')
  const { client } = await serve(t, {}, (app) => {
    app.get('/stream', (request, reply) => reply.send(Readable.from(Array.from({ length: 32 }, () => piece))))
    app.addContentTypeParser('*', (request, payload, done) => done(null, payload))
    app.post('/echo', (request, reply) => reply.send(request.body))
    app.get('/large', async () => Buffer.alloc(1024 * 1024 + 1, 'y'))
  })
  assert.strictEqual((await send(client, '/stream')).body.length, 32 * piece.length)
  assert.strictEqual((await send(client, '/large')).body.length, 1024 * 1024 + 1)
  const sent = 'a piece of it '.repeat(50_000)
  const echo = await send(client, '/echo', { method: 'POST', headers: { 'content-type': 'text/x' }, body: sent })
  assert.strictEqual(echo.body, sent)
})

test('the peer that leaves is told to the request', { skip }, async (t) => {
  let left
  const gone = new Promise((resolve) => { left = resolve })
  const { client } = await serve(t, {}, (app) => {
    app.get('/hang', (request) => new Promise(() => {
      request.raw.on('aborted', () => request.raw.on('close', () => left(request.raw.aborted)))
      client.destroy()
    }))
  })
  send(client, '/hang')
  assert.strictEqual(await gone, true)
})

test('close with idle sessions ends at once and in good order', { skip }, async (t) => {
  const { app, client } = await serve(t, { serverFactory: createServerFactory({ drainMs: 60_000 }) }, (app) => {
    app.get('/', async () => 'served')
  })
  const other = connect(app.server.address().port)
  t.after(() => other.destroy())
  assert.strictEqual((await send(client, '/')).body, 'served')
  assert.strictEqual((await send(other, '/')).body, 'served')
  const ends = Promise.all([client, other].map((session) => once(session, 'close')))
  const before = Date.now()
  await app.close()
  assert.ok(Date.now() - before < PATIENCE_MS)
  await ends
  const { sessionsForced, streamsReset } = app.server.report
  assert.deepStrictEqual({ sessionsForced, streamsReset }, { sessionsForced: 0, streamsReset: 0 })
})

test('close ends within its time though a stream hangs', { skip }, async (t) => {
  const { app, client } = await serve(t, { serverFactory: createServerFactory({ drainMs: 200 }) }, (app) => {
    app.get('/hang', () => new Promise(() => {}))
    app.get('/', async () => 'served')
  })
  const hanging = send(client, '/hang')
  await send(client, '/')
  const before = Date.now()
  await app.close()
  assert.ok(Date.now() - before < PATIENCE_MS)
  assert.strictEqual((await hanging).status, 0)
  assert.strictEqual(app.server.report.streamsReset, 1)
})

test('close lets an answer end that is on its way', { skip }, async (t) => {
  let release
  const { app, client } = await serve(t, { serverFactory: createServerFactory({ drainMs: 60_000 }) }, (app) => {
    app.get('/slow', () => new Promise((resolve) => { release = () => resolve('in time') }))
    app.get('/', async () => 'served')
  })
  const slow = send(client, '/slow')
  await send(client, '/')
  const closed = app.close()
  release()
  assert.strictEqual((await slow).body, 'in time')
  await closed
  assert.strictEqual(app.server.report.streamsReset, 0)
})

test('what it cannot serve is refused', { skip }, () => {
  assert.throws(() => fastify({ http2: true, https: { ciphers: 'ALL' }, serverFactory }), /does not take ciphers/)
  assert.throws(() => fastify({ serverFactory }), /http2: true/)
})

test('an app that knows nothing of goaway', { skip }, async () => {
  const { child, port, exited } = start('fastify.js', [], {
    execArgv: ['-r', join(__dirname, '..', 'register.js')],
    env: { GOAWAY_DRAIN_MS: '300' }
  })
  const told = []
  child.on('message', (message) => told.push(message))
  const client = connect(await port)
  const answer = await send(client, '/')
  assert.deepStrictEqual(JSON.parse(answer.body), { hello: 'world' })
  const hanging = send(client, '/hang')
  await send(client, '/')
  child.send('close')
  const { code, stderr } = await exited
  assert.strictEqual(code, 0, stderr)
  assert.strictEqual((await hanging).status, 0)
  assert.ok(told.some(({ hook }) => hook))
  const { report } = told.find(({ report }) => report)
  assert.strictEqual(report.streamsReset, 1)
})
