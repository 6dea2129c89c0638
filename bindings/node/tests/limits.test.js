'use strict'

// Each limit of the library acts here, or is refused: none is accepted and does nothing.

const { test } = require('node:test')
const assert = require('node:assert')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { Server } = require('../index.js')
const http2 = require('../http2.js')
const native = require('../lib/native.js')
const { connect, send } = require('./helpers.js')

const header = readFileSync(join(__dirname, '..', '..', '..', 'include', 'goaway.h'), 'utf8')
const camel = (name) => name.toLowerCase().replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
/** Any number is a good one. */
const UNBOUNDED = ['requests']
/** About what only programs in C have the library do. */
const OF_C = ['sessionBodyBytes']
/** About what handlers have `bytes()` do, and node:http2 has no such call. */
const OF_HANDLERS = ['bodyBytes']

/** From the comment in the header: "1 to 1024.", "0, no limit, to 30 days.". */
function largest (name) {
  const before = header.split(`    GOAWAY_LIMIT_${name} = `)[0]
  const text = before.slice(before.lastIndexOf('GOAWAY_LIMIT_')).replace(/\n *\/\/ ?/g, ' ')
  const found = Array.from(text.matchAll(/to (\d+|30 days)\./g), ([, number]) => number)
  assert.ok(found.length > 0, `${name}: ${text}`)
  return found.at(-1) === '30 days' ? 30 * 24 * 60 * 60 * 1000 : Number(found.at(-1))
}

test('each limit reaches the library or is refused', async (t) => {
  for (const limit of Object.keys(native.limits)) {
    const name = camel(limit)
    const set = (value) => new Server({ limits: { [name]: value } })
    if (OF_C.includes(name)) assert.throws(() => set(1), { code: 'GOAWAY_ERR_INVALID', message: new RegExp(name) }, name)
    else if (UNBOUNDED.includes(name)) set(Number.MAX_SAFE_INTEGER)
    else {
      // The library knows the ranges, and nothing here repeats them.
      set(largest(limit))
      assert.throws(() => set(largest(limit) + 1), { code: 'GOAWAY_ERR_INVALID' }, name)
    }
  }
})

test('node:http2 refuses what is for handlers', () => {
  for (const name of [...OF_C, ...OF_HANDLERS]) {
    const listen = () => http2.createServer({ limits: { [name]: 10 } }).listen(0)
    assert.throws(listen, { code: 'GOAWAY_ERR_INVALID', message: new RegExp(name) }, name)
  }
})

test('a body is bounded by its limit', async () => {
  const server = new Server({ limits: { bodyBytes: 10 } })
  server.register('POST /', async (request) => request.respond(200, await request.bytes()))
  server.register('POST /more', async (request) => request.respond(200, await request.text({ limit: 1000 })))
  server.on('error', () => {})
  await server.start({ bind: '127.0.0.1:0' })
  const client = connect(server.port)
  try {
    for (const [path, length, status] of [['/', 10, 200], ['/', 11, 413], ['/', 100, 413], ['/more', 100, 200]]) {
      const answer = await send(client, path, { method: 'POST', body: 'x'.repeat(length) })
      assert.strictEqual(answer.status, status, `${path} ${length}`)
    }
  } finally {
    client.close()
    await server.close({ drainMs: 0 })
  }
})
