'use strict'

const fs = require('node:fs')
const http2 = require('node:http2')
const Koa = require('koa')
const { koaBody } = require('koa-body')
const compress = require('koa-compress')
const session = require('koa-session').default
const serve = require('koa-static')
const Router = require('@koa/router')
const { WebSocketServer } = require('ws')
const { secure, run } = require('./common.js')

const app = new Koa()
app.keys = ['constant']
app.silent = true
app.use(compress({ threshold: 100 }))
app.use(session({ key: 'shop' }, app))
app.use(serve('public', { maxage: 60_000 }))
app.use(koaBody({ multipart: true, jsonLimit: '10kb' }))

const router = new Router()
router.get('/', (ctx) => { ctx.body = `<h1>${ctx.method} ${ctx.protocol} ${ctx.hostname} ${ctx.ip}</h1>` })
router.get('/users/:id', (ctx) => { ctx.body = { ...ctx.params, query: ctx.query } })
router.post('/json', (ctx) => Object.assign(ctx, { status: 201, body: ctx.request.body }))
router.post('/upload', (ctx) => {
  const { originalFilename, mimetype, size } = ctx.request.files.file
  ctx.body = { originalFilename, mimetype, size, fields: ctx.request.body }
})
router.post('/login', (ctx) => {
  ctx.session.user = ctx.request.body.user
  ctx.redirect('/me')
})
router.get('/me', (ctx) => { ctx.body = `user: ${ctx.session.user}` })
router.post('/logout', (ctx) => {
  ctx.session = null
  ctx.status = 204
})
router.get('/fresh', (ctx) => {
  ctx.status = 200
  ctx.etag = 'constant'
  ctx.body = 'fresh'
  if (ctx.fresh) ctx.status = 304
})
router.get('/long', (ctx) => { ctx.body = 'a line of text\n'.repeat(2000) })
router.get('/pieces', (ctx) => {
  ctx.type = 'text'
  ctx.body = fs.createReadStream('public/page.html', { highWaterMark: 100 })
})
router.get('/fail', () => { throw new Error('as it must') })
router.get('/teapot', (ctx) => ctx.throw(418, 'short and stout'))
router.get('/events', (ctx) => {
  ctx.respond = false
  ctx.res.writeHead(200, { 'content-type': 'text/event-stream' })
  let count = 0
  const timer = setInterval(() => ctx.res.write(`data: ${++count}\n\n`), 10)
  ctx.res.on('close', () => clearInterval(timer))
})
app.use(router.routes()).use(router.allowedMethods())

const server = http2.createSecureServer(secure(), app.callback())
new WebSocketServer({ server, path: '/talk' }).on('connection', (socket) => {
  socket.on('message', (data, binary) => socket.send(data, { binary }))
})
run(server)
