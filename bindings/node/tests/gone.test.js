'use strict'

// No peer can end the host: whatever is done to a request whose peer has gone,
// at whatever stage, has no effect. A program of its own does it; what it does
// not catch would end it. The same of peers that send anything.

const { test } = require('node:test')
const assert = require('node:assert')
const { start } = require('./helpers.js')

for (const which of ['own', 'http2']) {
  test(`everything is done to requests whose peers have gone: ${which}`, { timeout: 60_000 }, async () => {
    const { exited } = start('gone.js', [which])
    const { code, stdout, stderr } = await exited
    assert.deepStrictEqual([code, stderr], [0, ''], stderr)
    const { tried, unhandled, uncaught } = JSON.parse(stdout)
    assert.deepStrictEqual([unhandled, uncaught], [[], []])
    assert.ok(tried > 300, `${tried} acts`)
  })
}

for (const which of ['own', 'http2']) {
  test(`peers that send anything end no process: ${which}`, { timeout: 60_000 }, async () => {
    const { exited } = start('bytes.js', [which])
    const { code, stdout, stderr } = await exited
    assert.deepStrictEqual([code, stderr], [0, ''], stderr)
    const { requests, unhandled } = JSON.parse(stdout)
    assert.deepStrictEqual(unhandled, [])
    assert.ok(requests >= 100, `${requests} requests`)
  })
}
