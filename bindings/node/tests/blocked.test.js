'use strict'

// A loop that is blocked holds up its own requests and nothing else: peers are
// answered by the library, and what waits is bounded.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { start, connect, folder, send, sleep, until } = require('./helpers.js')

function ping (client) {
  return new Promise((resolve, reject) => client.ping((error, duration) => error ? reject(error) : resolve(duration)))
}

/** Until the sockets have taken all that they take. */
async function taken (sockets) {
  const written = () => sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0)
  for (let before = -1; before !== written(); await sleep(300)) before = written()
}

test('a loop that is blocked until its peers have been answered by the library', async (t) => {
  const goOn = join(folder(t), 'go-on')
  const { child, port, exited } = start('blocked.js', [goOn])
  const all = await Promise.all(Array.from({ length: 4 }, async () => {
    const client = connect(await port)
    await once(client, 'remoteSettings')
    return client
  }))
  let isBlocked = false
  child.once('message', () => { isBlocked = true })
  const blocking = send(all[0], '/block')
  await until(() => isBlocked, 'the loop is blocked')
  // 2,000 requests and 40 MB of bodies: more than the queue takes.
  const asked = all.flatMap((client) => Array.from({ length: 500 }, () => send(client, '/')))
  const bodies = all.flatMap((client) => Array.from({ length: 10 }, () => send(client, '/', { method: 'POST', body: Buffer.alloc(1 << 20) })))
  for (const client of all) await ping(client)
  // Who comes now is welcomed, too.
  const late = connect(await port)
  await once(late, 'remoteSettings')
  await ping(late)
  await taken(all.map((client) => client.socket))
  writeFileSync(goOn, '')
  const { body: grown } = await blocking
  assert.ok(Number(grown) < 64 << 20, `what waits is bounded: ${grown} bytes`)
  for (const answer of await Promise.all(asked)) assert.strictEqual(answer.body, 'hello')
  for (const answer of await Promise.all(bodies)) assert.strictEqual(answer.body, String(1 << 20))
  for (const client of [...all, late]) client.close()
  child.send('go')
  const { code, stderr } = await exited
  assert.deepStrictEqual([code, stderr], [0, ''])
})
