'use strict'

// What is published of streams on diagnostics channels: as Node.js 24 does it.

const { test } = require('node:test')
const assert = require('node:assert')
const channels = require('node:diagnostics_channel')
const { once } = require('node:events')
const { connect, send } = require('./helpers.js')
const { createServer } = require('../http2.js')

/** What is published while `act(client)` has a server of `listener` answer. */
async function published (event, listener, act = (client) => send(client, '/path')) {
  const told = []
  const hear = Object.fromEntries(['created', 'start', 'finish', 'error', 'close'].map((name) => [name, (message) => told.push([name, message])]))
  for (const name in hear) channels.subscribe(`http2.server.stream.${name}`, hear[name])
  const server = createServer({ drainMs: 0 })
  server.on(event, listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  client.on('stream', (pushed) => pushed.resume())
  await act(client)
  client.destroy()
  await new Promise((resolve) => server.close(resolve))
  for (const name in hear) channels.unsubscribe(`http2.server.stream.${name}`, hear[name])
  return told
}

const names = (told) => told.map(([name]) => name)

test('a response of either API', async () => {
  for (const [event, listener, flags] of [
    ['stream', (stream) => {
      stream.respond({ ':status': 201, 'x-a': 'b' })
      stream.end('body')
    }, 5],
    ['request', (request, response) => response.writeHead(201, { 'x-a': 'b' }).end('body'), 37]
  ]) {
    const told = await published(event, listener)
    assert.deepStrictEqual(names(told), ['created', 'start', 'finish', 'close'])
    const [[, created], [, started], [, finished], [, closed]] = told
    for (const { stream } of [created, started, finished, closed]) assert.strictEqual(stream.id, 1)
    assert.deepStrictEqual([created.headers[':path'], started.headers[':path']], ['/path', '/path'])
    assert.deepStrictEqual([finished.headers[':status'], finished.headers['x-a'], finished.flags], [201, 'b', flags])
    assert.deepStrictEqual(Object.keys(closed), ['stream'])
    assert.strictEqual(closed.stream.rstCode, 0)
  }
})

test('flags tell of HEAD and of trailers', async () => {
  const head = await published('stream', (stream) => stream.respond(), (client) => send(client, '/', { method: 'HEAD' }))
  assert.strictEqual(head.find(([name]) => name === 'finish')[1].flags, 13)
  const trailers = await published('stream', (stream) => {
    stream.respond({}, { waitForTrailers: true })
    stream.end()
  })
  assert.strictEqual(trailers.find(([name]) => name === 'finish')[1].flags, 37)
})

test('a stream that fails, and one that its peer cancels', async () => {
  const failed = await published('stream', (stream) => {
    stream.on('error', () => {})
    stream.destroy(new Error('as it must'))
  })
  assert.deepStrictEqual(names(failed), ['created', 'start', 'close', 'error'])
  assert.deepStrictEqual([failed[2][1].stream.rstCode, failed[3][1].error.message], [2, 'as it must'])

  const cancelled = await published('stream', (stream) => {
    stream.respond()
    stream.write('body')
  }, async (client) => {
    const stream = client.request()
    await once(stream, 'data')
    stream.close(8)
    await once(stream, 'close')
    // Answered behind the reset.
    await new Promise((resolve) => client.ping(() => resolve()))
  })
  assert.deepStrictEqual(names(cancelled), ['created', 'start', 'finish', 'close'])
  assert.strictEqual(cancelled[3][1].stream.rstCode, 8)
})

test('a pushed stream', async () => {
  const told = await published('stream', (stream) => {
    stream.respond()
    stream.pushStream({ ':path': '/pushed' }, (error, pushed) => {
      assert.ifError(error)
      pushed.respond()
      pushed.end()
      pushed.once('close', () => stream.end())
    })
  })
  const pushed = told.filter(([, { stream }]) => stream.id === 2)
  assert.deepStrictEqual(names(pushed), ['created', 'start', 'finish', 'close'])
  assert.deepStrictEqual([pushed[0][1].headers[':path'], pushed[1][1].headers[':path']], ['/pushed', '/pushed'])
})
