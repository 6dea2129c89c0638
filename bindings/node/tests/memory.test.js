'use strict'

// The memory that the library holds for peers, as a program reads it.

const assert = require('node:assert')
const { test } = require('node:test')
const { Server, memoryUsage } = require('..')
const { until } = require('./helpers.js')
const { Frames, DATA } = require('./frames.js')

/** The members of a usage are its parts, and `total` is their sum. */
function check (usage) {
  const { total, ...parts } = usage
  assert.strictEqual(total, Object.values(parts).reduce((sum, part) => sum + part, 0))
  return parts
}

test('what waits for the program is counted', async (t) => {
  const server = new Server()
  t.after(() => server.close({ drainMs: 0 }))
  server.register('POST /', () => new Promise(() => {}))
  await server.start({ bind: { port: 0 } })
  const before = check(memoryUsage())
  assert.deepStrictEqual(Object.keys(before), ['sessions', 'streams', 'fields', 'compression', 'bodies', 'responses', 'input', 'output', 'tls', 'records'])
  const frames = await Frames.connect(server.port, 8000)
  t.after(() => frames.close())
  frames.greet()
  const stream = frames.ask({ method: 'POST', whole: false })
  for (let count = 0; count < 4; count++) frames.send(DATA, 0, stream, Buffer.alloc(16000))
  await until(() => memoryUsage().bodies >= 64000, 'the bodies')
  const during = check(memoryUsage())
  assert.ok(during.sessions > before.sessions && during.streams > before.streams)
  frames.close()
  await until(() => memoryUsage().bodies === 0, 'the end of the session')
})
