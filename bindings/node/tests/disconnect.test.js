'use strict'

// No peer can end the host. A call on a request whose peer has disconnected has no
// effect, at any stage of the response, and neither have arbitrary bytes of a peer.
// A child process runs each program: an error that is not caught would end it.

const { test } = require('node:test')
const assert = require('node:assert')
const { start } = require('./helpers.js')

for (const which of ['own', 'http2']) {
  test(`calls on requests whose peers have disconnected have no effect: ${which}`, { timeout: 60_000 }, async () => {
    const { exited } = start('disconnect.js', [which])
    const { code, stdout, stderr } = await exited
    assert.deepStrictEqual([code, stderr], [0, ''], stderr)
    const { tried, unhandled, uncaught } = JSON.parse(stdout)
    assert.deepStrictEqual([unhandled, uncaught], [[], []])
    assert.ok(tried > 300, `${tried} calls`)
  })
}

for (const which of ['own', 'http2']) {
  test(`peers that send arbitrary bytes do not end the process: ${which}`, { timeout: 60_000 }, async () => {
    const { exited } = start('bytes.js', [which])
    const { code, stdout, stderr } = await exited
    assert.deepStrictEqual([code, stderr], [0, ''], stderr)
    const { requests, unhandled } = JSON.parse(stdout)
    assert.deepStrictEqual(unhandled, [])
    assert.ok(requests >= 100, `${requests} requests`)
  })
}
