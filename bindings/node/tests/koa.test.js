'use strict'

// A Koa app over goaway/http2, as it is.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { Readable } = require('node:stream')
const Koa = require('koa')
const http2 = require('../http2.js')
const { connect, send } = require('./helpers.js')

const ROUTES = {
  '/': (ctx) => { ctx.body = `${ctx.method} ${ctx.path} ${ctx.query.q} ${ctx.protocol}` },
  '/json': (ctx) => { ctx.body = { host: ctx.get(':authority') } },
  '/stream': (ctx) => { ctx.body = Readable.from(['one ', 'two']) },
  '/echo': (ctx) => { ctx.body = ctx.req },
  '/cookie': (ctx) => {
    ctx.cookies.set('a', '1')
    ctx.status = 204
  },
  '/fail': () => { throw new Error('as it must') }
}

test('a Koa app', async (t) => {
  const app = new Koa()
  app.silent = true
  app.use(async (ctx, next) => {
    await next()
    ctx.set('x-last', 'middleware')
  })
  app.use(async (ctx) => ROUTES[ctx.path]?.(ctx))
  const server = http2.createServer(app.callback())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  const client = connect(port)
  t.after(() => {
    client.destroy()
    server.close({ drainMs: 0 })
  })

  const plain = await send(client, '/?q=x')
  assert.strictEqual(plain.body, 'GET / x http')
  assert.strictEqual(plain.headers['x-last'], 'middleware')
  assert.deepStrictEqual(JSON.parse((await send(client, '/json')).body), { host: `127.0.0.1:${port}` })
  assert.strictEqual((await send(client, '/stream')).body, 'one two')
  const sent = 'a piece of it '.repeat(20_000)
  assert.strictEqual((await send(client, '/echo', { method: 'POST', body: sent })).body, sent)
  const cookie = await send(client, '/cookie')
  assert.deepStrictEqual([cookie.status, cookie.headers['set-cookie']], [204, ['a=1; path=/; httponly']])
  assert.strictEqual((await send(client, '/fail')).status, 500)
  assert.strictEqual((await send(client, '/none')).status, 404)

  server.close()
  await once(server, 'close')
  assert.strictEqual(server.report.sessionsForced, 0)
})
