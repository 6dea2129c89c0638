'use strict'

// A loop that is blocked holds up its own requests and nothing else: peers are
// answered by the library, and what waits is bounded.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { start, connect, send } = require('./helpers.js')

const BLOCKED_MS = 5000

function ping (client) {
  return new Promise((resolve, reject) => client.ping((error, duration) => error ? reject(error) : resolve(duration)))
}

test('a loop blocked for five seconds', async () => {
  const { child, port, exited } = start('blocked.js')
  const all = await Promise.all(Array.from({ length: 4 }, async () => {
    const client = connect(await port)
    await once(client, 'remoteSettings')
    return client
  }))
  const blocking = send(all[0], `/block/${BLOCKED_MS}`)
  await new Promise((resolve) => setTimeout(resolve, 300))
  const began = Date.now()
  // 2,000 requests and 40 MB of bodies: more than the queue takes.
  const asked = all.flatMap((client) => Array.from({ length: 500 }, () => send(client, '/')))
  const bodies = all.flatMap((client) => Array.from({ length: 10 }, () => send(client, '/', { method: 'POST', body: Buffer.alloc(1 << 20) })))
  for (const client of all) assert.ok(await ping(client) < 1000, 'a PING is answered although the loop is blocked')
  // Who comes now is welcomed, too.
  const late = connect(await port)
  await once(late, 'remoteSettings')
  assert.ok(await ping(late) < 1000)
  assert.ok(Date.now() - began < BLOCKED_MS - 1000, 'and all that while it was')
  const { body: grown } = await blocking
  assert.ok(Number(grown) < 64 << 20, `what waits is bounded: ${grown} bytes`)
  for (const answer of await Promise.all(asked)) assert.strictEqual(answer.body, 'hello')
  for (const answer of await Promise.all(bodies)) assert.strictEqual(answer.body, String(1 << 20))
  for (const client of [...all, late]) client.close()
  child.send('go')
  const { code, stderr } = await exited
  assert.deepStrictEqual([code, stderr], [0, ''])
})
