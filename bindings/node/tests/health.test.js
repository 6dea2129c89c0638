'use strict'

// Health checks that the library responds to.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { Worker } = require('node:worker_threads')
const { Server } = require('../index.js')
const http2 = require('../http2.js')
const { connect, send } = require('./helpers.js')

const BAD = [{ ready: 'ready' }, { live: '/{a}' }, { ready: '/a\0' }, { ready: 1 }, { live: '/live', stallMs: 0 }, { stallMs: '5' }, { path: '/a' }, { ready: '/a', live: '/a' }, null]

test('ready and live, on an address for all and on one for health checks', async () => {
  const server = new Server()
  server.setHealthPaths({ ready: '/ready', live: '/live' })
  server.register('*', (request) => request.respond(200, 'handler'))
  await server.start({ bind: ['127.0.0.1:0', { port: 0, health: true }] })
  const clients = server.ports.map((port) => connect(port))
  const ask = async (path) => (await Promise.all(clients.map((client) => send(client, path)))).map(({ status, body }) => `${status} ${body}`.trim())
  assert.deepStrictEqual(await ask('/ready'), ['200 ready', '200 ready'])
  assert.deepStrictEqual(await ask('/live'), ['200 live', '200 live'])
  assert.deepStrictEqual(await ask('/'), ['200 handler', '404'])
  server.ready = false
  assert.deepStrictEqual(await ask('/ready'), ['503 not ready', '503 not ready'])
  server.ready = true
  const closing = server.close({ shutdownDelayMs: 60_000 })
  assert.deepStrictEqual(await ask('/ready'), ['503 not ready', '503 not ready'])
  assert.deepStrictEqual(await ask('/live'), ['200 live', '200 live'])
  server.close()
  await closing
})

test('bad paths are refused', async () => {
  const server = new Server()
  for (const paths of BAD) assert.throws(() => server.setHealthPaths(paths), { code: 'GOAWAY_ERR_INVALID' }, JSON.stringify(paths))
  server.register('GET /taken', () => {})
  assert.throws(() => server.setHealthPaths({ ready: '/taken' }), { code: 'GOAWAY_ERR_INVALID', message: /has a handler already/ })
  assert.throws(() => server.listen({ port: 0, health: 1 }), { code: 'GOAWAY_ERR_INVALID' })
  await server.close()
})

test('node:http2: neither stream nor request is emitted', async () => {
  const server = http2.createServer({ health: { ready: '/ready', live: '/live' } }, () => assert.fail('a health check'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  assert.strictEqual((await send(client, '/ready')).status, 200)
  assert.strictEqual((await send(client, '/live')).body, 'live\n')
  server.close({ shutdownDelayMs: 60_000 })
  assert.strictEqual((await send(client, '/ready')).status, 503)
  server.close({ drainMs: 1000 })
  await once(server, 'close')
})

test('a blocked loop is not live', async () => {
  const worker = new Worker(`
    const { parentPort } = require('node:worker_threads')
    const { Server } = require(${JSON.stringify(require.resolve('../index.js'))})
    const server = new Server()
    server.setHealthPaths({ live: '/live', stallMs: 200 })
    const cell = new Int32Array(new SharedArrayBuffer(4))
    server.register('GET /', (request) => { Atomics.wait(cell, 0, 0, 1500); request.respond(200) })
    server.start({ bind: '127.0.0.1:0' }).then(() => parentPort.postMessage(server.port))
    parentPort.once('message', () => server.close())
  `, { eval: true })
  const [port] = await once(worker, 'message')
  const client = connect(port)
  assert.strictEqual((await send(client, '/live')).status, 200)
  const blocked = send(client, '/')
  await new Promise((resolve) => setTimeout(resolve, 100))
  const waiting = send(client, '/')
  const until = async (status) => { while ((await send(client, '/live')).status !== status) await new Promise((resolve) => setTimeout(resolve, 20)) }
  await until(503)
  await Promise.all([blocked, waiting])
  await until(200)
  worker.postMessage('close')
  await once(worker, 'exit')
  client.destroy()
})
