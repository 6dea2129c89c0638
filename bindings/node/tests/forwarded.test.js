'use strict'

// What trusted proxies say of the client.

const { test } = require('node:test')
const assert = require('node:assert')
const { Server } = require('../index.js')
const { connect, send } = require('./helpers.js')

const SAID = {
  'x-forwarded-for': '203.0.113.9, 192.0.2.1:47',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'shop.example',
  'x-forwarded-prefix': '/shop/'
}

/** What a handler sees of a request that says all this. */
async function seen (options, headers = SAID) {
  const server = new Server()
  if (options !== null) server.setForwarded(options)
  server.register('GET /', (request) => {
    const { peer, scheme, authority, prefix } = request
    request.respond(200, JSON.stringify({ peer: peer.replace(/^127.0.0.1:\d+$/, 'direct'), scheme, authority, prefix, session: request.session.peer.split(':')[0] }))
  })
  await server.start({ bind: '127.0.0.1:0' })
  const client = connect(server.port)
  try {
    return JSON.parse((await send(client, '/', { headers: { ':authority': 'origin', ...headers } })).body)
  } finally {
    client.close()
    await server.close()
  }
}

test('nothing is read unless it is asked for', async () => {
  assert.deepStrictEqual(await seen(null), { peer: 'direct', scheme: 'http', authority: 'origin', prefix: '', session: '127.0.0.1' })
})

test('a trusted proxy is believed; the session stays what it is', async () => {
  assert.deepStrictEqual(await seen({}), { peer: '192.0.2.1:47', scheme: 'https', authority: 'origin', prefix: '', session: '127.0.0.1' })
  const fields = ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-prefix']
  assert.deepStrictEqual(await seen({ trusted: ['127.0.0.1', '192.0.2.0/24'], fields }), { peer: '203.0.113.9:0', scheme: 'https', authority: 'shop.example', prefix: '/shop', session: '127.0.0.1' })
  const forwarded = await seen({ fields: 'forwarded' }, { forwarded: 'for=evil, for="[2001:db8::1]:47";proto=https;host=a' })
  assert.deepStrictEqual(forwarded, { peer: '[2001:db8::1]:47', scheme: 'https', authority: 'a', prefix: '', session: '127.0.0.1' })
})

test('others are not believed', async () => {
  assert.strictEqual((await seen({ trusted: '10.0.0.0/8' })).peer, 'direct')
})

test('bad lists are refused', async () => {
  const server = new Server()
  for (const options of [{ trusted: 'localhost' }, { trusted: [] }, { trusted: 1 }, { fields: ['x-real-ip'] }, { fields: '' }, { proxies: '*' }, null]) {
    assert.throws(() => server.setForwarded(options), { code: 'GOAWAY_ERR_INVALID' }, JSON.stringify(options))
  }
  await server.close()
})
