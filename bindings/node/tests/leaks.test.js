'use strict'

// Servers and requests that have ended leak no descriptors, threads or objects.

const { test } = require('node:test')
const assert = require('node:assert')
const { readdirSync } = require('node:fs')
const { Server } = require('../index.js')
const { Pump } = require('../lib/pump.js')
const { connect, send, until, sleep } = require('./helpers.js')

const onLinux = process.platform === 'linux' ? false : 'needs /proc'

/** Runs a server for one request. */
async function serveOnce () {
  const server = new Server({ limits: { workers: 2 } })
  server.register('GET /', (request) => request.respond(200, 'hi'))
  await server.start({ bind: 0 })
  const client = connect(server.port)
  await send(client, '/')
  await server.close({ drainMs: 1000 })
  client.destroy()
}

test('fifty servers leak no descriptor and no thread', { skip: onLinux }, async () => {
  const count = () => [readdirSync('/proc/self/fd').length, readdirSync('/proc/self/task').length]
  for (let times = 0; times < 3; times++) await serveOnce()
  await sleep(50)
  const before = count()
  for (let times = 0; times < 50; times++) await serveOnce()
  await until(() => count().every((number, at) => number <= before[at]), `${before}, not ${count()}`)
})

// The event loop processes a large batch in parts. No request may get lost between them.
test('each request gets its response, whatever the size of the batch', async () => {
  const server = new Server({ limits: { workers: 2, concurrentStreams: 256 } })
  server.register('GET /', (request) => request.respond(200, 'hi'))
  await server.start({ bind: 0 })
  const clients = Array.from({ length: 4 }, () => connect(server.port))
  for (let size = 16; size <= 192; size += 16) {
    const responses = await Promise.all(clients.flatMap((client) => Array.from({ length: size }, () => send(client, '/'))))
    assert.ok(responses.every(({ body }) => body === 'hi'), `${size} streams on each session`)
  }
  for (const client of clients) client.close()
  await server.close({ drainMs: 1000 })
})

test('the pump forgets a request that has its response, is cancelled or is reset', async () => {
  const watcher = { onSession () {}, onProgress () {}, onClosed: () => resolveClosed() }
  let resolveClosed
  const closed = new Promise((resolve) => { resolveClosed = resolve })
  const pump = new Pump(watcher)
  const requests = []
  const sink = (record) => {
    const { low, high } = record
    const one = { low, high, live: true, onCancelled () {}, onDrain () {}, onBody () {}, onWritable () {}, onFailed () {} }
    requests.push(one)
    return one
  }
  assert.strictEqual(pump.route('GET /', sink), 0)
  assert.strictEqual(pump.server.listen('127.0.0.1:0'), 0)
  assert.strictEqual(pump.server.start(), 0)
  pump.server.ref()
  const client = connect(pump.server.port(0))
  const responses = Array.from({ length: 30 }, () => send(client, '/'))
  await until(() => requests.length === 30, 'requests')
  assert.strictEqual(pump.open, 30)
  for (const one of requests.slice(0, 10)) pump.respond(one, 200, null, 'whole')
  for (const one of requests.slice(10, 20)) pump.reset(one, 8)
  await Promise.all(responses.slice(0, 20))
  assert.strictEqual(pump.open, 10)
  client.destroy()
  await until(() => pump.open === 0, 'the cancellation of the others')
  await Promise.all(responses)
  pump.server.close(0)
  await closed
  pump.server.stop()
  pump.server.stop()
  assert.throws(() => pump.server.start(), /has ended/)
})
