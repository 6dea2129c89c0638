'use strict'

// Express over goaway/http2. It knows the classes of node:http only, so it is
// given those of the compatibility API, as it must be for node:http2.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const express = require('express')
const http2 = require('../http2.js')
const { connect, send } = require('./helpers.js')

Object.setPrototypeOf(express.request, http2.Http2ServerRequest.prototype)
Object.setPrototypeOf(express.response, http2.Http2ServerResponse.prototype)

test('an Express app', async (t) => {
  const app = express()
  app.use(express.json())
  app.use((request, response, next) => {
    response.set('x-first', 'middleware')
    next()
  })
  app.get('/users/:id', (request, response) => response.send(`${request.params.id} ${request.query.q} ${request.protocol}`))
  app.post('/json', (request, response) => response.status(201).json(request.body))
  app.get('/cookies', (request, response) => response.cookie('a', '1').cookie('b', '2').send(`${request.get('cookie')}`))
  app.get('/file', (request, response) => response.sendFile(__filename))
  app.get('/away', (request, response) => response.redirect('/users/1'))
  app.get('/fail', () => { throw new Error('as it must') })
  app.use((error, request, response, next) => response.status(500).send(error.message))
  const server = http2.createServer(app)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  t.after(() => {
    client.destroy()
    server.close({ drainMs: 0 })
  })

  const user = await send(client, '/users/7?q=x')
  assert.strictEqual(user.body, '7 x http')
  assert.strictEqual(user.headers['x-first'], 'middleware')
  assert.strictEqual(user.headers['content-length'], '8')

  // It reads bodies whose length is told.
  const json = await send(client, '/json', { method: 'POST', headers: { 'content-type': 'application/json', 'content-length': '7' }, body: '{"a":1}' })
  assert.deepStrictEqual([json.status, json.body], [201, '{"a":1}'])

  const cookies = await send(client, '/cookies', { headers: { cookie: 'c=3; d=4' } })
  assert.strictEqual(cookies.body, 'c=3; d=4')
  assert.deepStrictEqual(cookies.headers['set-cookie'], ['a=1; Path=/', 'b=2; Path=/'])

  const fresh = await send(client, '/users/7?q=x', { headers: { 'if-none-match': user.headers.etag } })
  assert.deepStrictEqual([fresh.status, fresh.body], [304, ''])

  assert.strictEqual((await send(client, '/file')).body, require('node:fs').readFileSync(__filename, 'utf8'))
  assert.strictEqual((await send(client, '/away')).headers.location, '/users/1')
  assert.deepStrictEqual((({ status, body }) => [status, body])(await send(client, '/fail')), [500, 'as it must'])
  assert.strictEqual((await send(client, '/none')).status, 404)

  server.close()
  await once(server, 'close')
  assert.strictEqual(server.report.sessionsForced, 0)
})
