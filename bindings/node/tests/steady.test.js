'use strict'

// What comes and goes leaves nothing behind: descriptors, threads, requests.

const { test } = require('node:test')
const assert = require('node:assert')
const { readdirSync } = require('node:fs')
const { Server } = require('../index.js')
const { Pump } = require('../lib/pump.js')
const { connect, send, until, sleep } = require('./helpers.js')

const onLinux = process.platform === 'linux' ? false : 'needs /proc'

async function visit () {
  const server = new Server({ limits: { workers: 2 } })
  server.register('GET /', (request) => request.respond(200, 'hi'))
  await server.start({ bind: 0 })
  const client = connect(server.port)
  await send(client, '/')
  await server.close({ drainMs: 1000 })
  client.destroy()
}

test('fifty servers leave no descriptor and no thread', { skip: onLinux }, async () => {
  const count = () => [readdirSync('/proc/self/fd').length, readdirSync('/proc/self/task').length]
  for (let times = 0; times < 3; times++) await visit()
  await sleep(50)
  const before = count()
  for (let times = 0; times < 50; times++) await visit()
  await until(() => count().every((number, at) => number <= before[at]), `${before}, not ${count()}`)
})

// The loop works off what has come in shares: whatever the batches' sizes are,
// none is forgotten between them.
test('crowds of all sizes are answered', async () => {
  const server = new Server({ limits: { workers: 2, concurrentStreams: 256 } })
  server.register('GET /', (request) => request.respond(200, 'hi'))
  await server.start({ bind: 0 })
  const clients = Array.from({ length: 4 }, () => connect(server.port))
  for (let crowd = 16; crowd <= 192; crowd += 16) {
    const answers = await Promise.all(clients.flatMap((client) => Array.from({ length: crowd }, () => send(client, '/'))))
    assert.ok(answers.every(({ body }) => body === 'hi'), `${crowd} streams on each session`)
  }
  for (const client of clients) client.close()
  await server.close({ drainMs: 1000 })
})

test('a request is forgotten when it is answered, cancelled or reset', async () => {
  const watcher = { onSession () {}, onProgress () {}, onClosed: () => resolveClosed() }
  let resolveClosed
  const closed = new Promise((resolve) => { resolveClosed = resolve })
  const pump = new Pump(watcher)
  const kept = []
  const sink = (record) => {
    const { low, high } = record
    const one = { low, high, live: true, onCancelled () {}, onDrain () {}, onBody () {}, onWritable () {}, onFailed () {} }
    kept.push(one)
    return one
  }
  assert.strictEqual(pump.route('GET /', sink), 0)
  assert.strictEqual(pump.server.listen('127.0.0.1:0'), 0)
  assert.strictEqual(pump.server.start(), 0)
  pump.server.ref()
  const client = connect(pump.server.port(0))
  const answers = Array.from({ length: 30 }, () => send(client, '/'))
  await until(() => kept.length === 30, 'requests')
  assert.strictEqual(pump.open, 30)
  for (const one of kept.slice(0, 10)) pump.respond(one, 200, null, 'whole')
  for (const one of kept.slice(10, 20)) pump.reset(one, 8)
  await Promise.all(answers.slice(0, 20))
  assert.strictEqual(pump.open, 10)
  client.destroy()
  await until(() => pump.open === 0, 'the cancelled ones')
  await Promise.all(answers)
  pump.server.close(0)
  await closed
  pump.server.stop()
  pump.server.stop()
  assert.throws(() => pump.server.start(), /has ended/)
})
