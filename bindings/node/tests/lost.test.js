'use strict'

// A server that nobody closed and nobody has any more says so and ends; one
// that the loop goes on for is no such server.

const { test } = require('node:test')
const assert = require('node:assert')
const { start, connect, send } = require('./helpers.js')

const GC = { execArgv: ['--expose-gc'] }

for (const way of ['not-started', 'unref']) {
  test(`lost: ${way}`, async () => {
    const { code, stdout, stderr } = await start('lost.js', [way], GC).exited
    assert.deepStrictEqual([code, stdout], [0, 'GOAWAY_SERVER_LOST\n'])
    assert.match(stderr, /garbage-collected that nobody had closed/)
  })
}

test('not lost: it was closed', async () => {
  const { code, stdout, stderr } = await start('lost.js', ['closed'], GC).exited
  assert.deepStrictEqual([code, stdout, stderr], [0, '', ''])
})

test('not lost: it serves, and the loop goes on for it', async () => {
  const { child, port, exited } = start('lost.js', ['held'], GC)
  const client = connect(await port)
  assert.strictEqual((await send(client, '/')).body, 'hello')
  child.send('go')
  const { code, stderr } = await exited
  assert.deepStrictEqual([code, stderr], [0, ''])
  client.destroy()
})
