'use strict'

// A server that is garbage-collected without a close emits a warning and is closed. A
// server that keeps the event loop alive is not garbage-collected.

const { test } = require('node:test')
const assert = require('node:assert')
const { start, connect, send } = require('./helpers.js')

const GC = { execArgv: ['--expose-gc'] }

for (const way of ['not-started', 'unref']) {
  test(`an unreachable server warns and is closed: ${way}`, async () => {
    const { code, stdout, stderr } = await start('garbage-collection.js', [way], GC).exited
    assert.deepStrictEqual([code, stdout], [0, 'GOAWAY_SERVER_LOST\n'])
    assert.match(stderr, /garbage-collected that nobody had closed/)
  })
}

test('a server that was closed does not warn', async () => {
  const { code, stdout, stderr } = await start('garbage-collection.js', ['closed'], GC).exited
  assert.deepStrictEqual([code, stdout, stderr], [0, '', ''])
})

test('a server that keeps the loop alive is not collected', async () => {
  const { child, port, exited } = start('garbage-collection.js', ['held'], GC)
  const client = connect(await port)
  assert.strictEqual((await send(client, '/')).body, 'hello')
  child.send('go')
  const { code, stderr } = await exited
  assert.deepStrictEqual([code, stderr], [0, ''])
  client.destroy()
})
