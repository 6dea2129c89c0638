'use strict'

// goaway/http2's pushed streams: when they are there, and when there are none.

const test = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { connect, send } = require('./helpers.js')
const { createServer, constants } = require('../http2.js')

test('a pushed stream has its number when it is handed over', async () => {
  const server = createServer()
  const numbers = []
  server.on('stream', (stream) => {
    let left = 4
    for (let count = left; count > 0; count--) {
      stream.pushStream({ ':path': `/${count}` }, (error, pushed) => {
        assert.strictEqual(error, null)
        numbers.push(pushed.pending ? null : pushed.id)
        pushed.respond()
        pushed.end()
        if (--left === 0) stream.end()
      })
    }
    stream.respond()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  client.on('stream', (pushed) => pushed.resume())
  for (let round = 0; round < 40; round++) await send(client, '/')
  client.close()
  await new Promise((resolve) => server.close(resolve))
  assert.deepStrictEqual(numbers, Array.from({ length: 160 }, (_, at) => 2 * at + 2))
})

test('a promise that its own stream overtakes with a reset is told in the callback only', async () => {
  const server = createServer()
  const told = new Promise((resolve) => server.on('stream', (stream) => {
    stream.on('error', () => {})
    stream.pushStream({ ':path': '/' }, (error, pushed) => resolve(error?.code ?? pushed.id))
    stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  const { code } = await send(client, '/')
  assert.strictEqual(code, constants.NGHTTP2_INTERNAL_ERROR)
  // It may have been promised before the reset came.
  assert.ok(['ERR_HTTP2_INVALID_STREAM', 2].includes(await told))
  client.destroy()
  await new Promise((resolve) => server.close(resolve))
})

test('a peer that wants no pushes gets none', async () => {
  const server = createServer()
  const told = new Promise((resolve) => server.on('stream', (stream) => {
    resolve(stream.pushAllowed)
    assert.throws(() => stream.pushStream({}, () => {}), { code: 'ERR_HTTP2_PUSH_DISABLED' })
    stream.respond()
    stream.end()
  }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port, { settings: { enablePush: false } })
  await send(client, '/')
  assert.strictEqual(await told, false)
  client.close()
  await new Promise((resolve) => server.close(resolve))
})

test('while its session leaves a stream pushes nothing, and says so', async () => {
  const server = createServer()
  const seen = []
  server.on('stream', (stream) => {
    const allowed = () => seen.push(stream.pushAllowed)
    allowed()
    server.close()
    allowed()
    assert.throws(() => stream.pushStream({}, () => {}), { code: 'ERR_HTTP2_PUSH_DISABLED' })
    stream.once('draining', () => {
      allowed()
      stream.respond()
      stream.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  const closed = once(server, 'close')
  await send(client, '/')
  await closed
  assert.deepStrictEqual(seen, [true, false, false])
})
