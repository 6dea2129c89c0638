'use strict'

// Fields that the peer marks as never indexed (RFC 7541, section 7.1.3), which a
// proxy must mark too when it forwards them.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { sensitiveHeaders } = require('node:http2')
const { Server } = require('../index.js')
const { connect } = require('./helpers.js')

/** Runs `use(port)` with a server of this handler. */
async function serve (handler, use) {
  const server = new Server()
  server.register('* /', handler)
  await server.start({ bind: '127.0.0.1:0' })
  try {
    await use(server.port)
  } finally {
    await server.close({ drainMs: 0 })
  }
}

test('a request says which fields are sensitive', { timeout: 20_000 }, async () => {
  const seen = []
  const handler = async (request) => {
    await request.bytes()
    const { sensitiveHeaders, sensitiveTrailers, headers, trailers } = request
    seen.push({ sensitiveHeaders, sensitiveTrailers: [...sensitiveTrailers], key: headers['x-key'], trailers: { ...trailers } })
    request.respond(200)
  }
  await serve(handler, async (port) => {
    const client = connect(port)
    const secret = { ':path': '/', ':method': 'POST', 'x-open': '1', 'x-key': 'secret', cookie: ['a=1', 'b=2'], [sensitiveHeaders]: [':path', 'x-key', 'cookie'] }
    for (const head of [secret, { ':path': '/', ':method': 'POST', 'x-key': 'open' }]) {
      const stream = client.request(head, { waitForTrailers: true })
      const response = once(stream, 'response')
      const open = head === secret ? ['x-secret'] : []
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-open': '1', 'x-secret': '2', [sensitiveHeaders]: open }))
      stream.end('body')
      await response
      stream.resume()
      await once(stream, 'close')
    }
    client.close()
  })
  const trailers = { 'x-open': '1', 'x-secret': '2' }
  assert.deepStrictEqual(seen, [
    { sensitiveHeaders: [':path', 'x-key', 'cookie'], sensitiveTrailers: ['x-secret'], key: 'secret', trailers },
    { sensitiveHeaders: [], sensitiveTrailers: [], key: 'open', trailers }
  ])
})

test('a proxy passes the marks on', { timeout: 20_000 }, async () => {
  const handler = (request) => {
    const marked = new Set(request.sensitiveHeaders)
    const fields = []
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      const name = request.rawHeaders[at]
      fields.push(marked.has(name) ? '\x01' + name : name, request.rawHeaders[at + 1])
    }
    request.respond(200, null, fields)
  }
  await serve(handler, async (port) => {
    const client = connect(port)
    const stream = client.request({ ':path': '/', 'x-open': '1', 'x-key': 'secret', [sensitiveHeaders]: ['x-key'] })
    const [headers] = await once(stream, 'response')
    assert.deepStrictEqual(headers[sensitiveHeaders], ['x-key'])
    assert.strictEqual(headers['x-open'] + headers['x-key'], '1secret')
    stream.resume()
    await once(stream, 'close')
    client.close()
  })
})
