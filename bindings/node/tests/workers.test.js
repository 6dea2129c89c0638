'use strict'

// Worker threads: each has the binding for itself, and may be ended at any time.

const { test } = require('node:test')
const assert = require('node:assert')
const { start } = require('./helpers.js')

const REPEAT = process.env.GOAWAY_NODE_REPEAT ?? '1'

for (const way of ['terminate', 'exit', 'throw', 'close']) {
  test(`two workers and the main thread: ${way}`, async () => {
    const { code, signal, stderr } = await start('workers.js', [way, '2', REPEAT]).exited
    assert.deepStrictEqual([code, signal, stderr], [0, null, ''])
  })
}

test('twenty workers are terminated at once', async () => {
  const { code, signal, stderr } = await start('workers.js', ['terminate', '20']).exited
  assert.deepStrictEqual([code, signal, stderr], [0, null, ''])
})
