'use strict'

const fs = require('node:fs')
const { join } = require('node:path')
const fastify = require('fastify')
const { secure } = require('./common.js')

const app = fastify({ http2: true, https: secure(), logger: false, forceCloseConnections: false })
app.register(require('@fastify/compress'), { threshold: 100 })
app.register(require('@fastify/cookie'), { secret: 'constant' })
app.register(require('@fastify/cors'), { origin: 'https://example.org', credentials: true })
app.register(require('@fastify/etag'))
app.register(require('@fastify/formbody'))
app.register(require('@fastify/helmet'))
app.register(require('@fastify/multipart'))
app.register(require('@fastify/session'), { secret: 'a constant of thirty-two letters or more', saveUninitialized: false })
app.register(require('@fastify/static'), { root: join(process.cwd(), 'public'), prefix: '/public/', maxAge: 60_000 })

app.register(async () => {
  app.get('/', async (request) => ({ method: request.method, protocol: request.protocol, host: request.hostname, ip: request.ip }))
  app.get('/users/:id', {
    schema: { params: { type: 'object', properties: { id: { type: 'integer' } } } }
  }, async (request) => ({ ...request.params, query: request.query }))
  app.post('/json', {
    bodyLimit: 10_000,
    schema: { body: { type: 'object', required: ['name'], properties: { name: { type: 'string' } } } }
  }, async (request, reply) => reply.code(201).header('location', '/json/1').send(request.body))
  app.post('/form', async (request) => request.body)
  app.post('/upload', async (request) => {
    const file = await request.file()
    return { filename: file.filename, mimetype: file.mimetype, size: (await file.toBuffer()).length }
  })
  app.post('/login', async (request, reply) => {
    request.session.user = request.body.user
    return reply.redirect('/me')
  })
  app.get('/me', async (request) => `user: ${request.session.user}`)
  app.post('/logout', async (request, reply) => {
    await request.session.destroy()
    return reply.code(204).send()
  })
  app.get('/cookies', async (request, reply) => {
    reply.setCookie('plain', 'a b', { path: '/' }).setCookie('signed', 'value', { signed: true, httpOnly: true })
    return request.cookies
  })
  app.get('/long', async () => 'a line of text\n'.repeat(2000))
  app.get('/pieces', (request, reply) => reply.type('text/plain').send(fs.createReadStream('public/page.html', { highWaterMark: 100 })))
  app.get('/web', async () => new Response('of the web', { status: 202, headers: { 'x-from': 'Response' } }))
  app.get('/trailers', (request, reply) => {
    reply.trailer('x-checksum', (reply, payload, done) => done(null, '1'))
    reply.header('content-type', 'text/plain').send('with trailers')
  })
  app.get('/hijack', (request, reply) => {
    reply.hijack()
    reply.raw.writeHead(203, { 'content-type': 'text/plain' })
    reply.raw.end('raw')
  })
  app.get('/fail', async () => { throw new Error('as it must') })
  app.get('/teapot', async (request, reply) => reply.code(418).send({ short: 'and stout' }))
  app.get('/events', (request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
    let count = 0
    const timer = setInterval(() => reply.raw.write(`data: ${++count}\n\n`), 10)
    reply.raw.on('close', () => clearInterval(timer))
  })
})

app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' })
process.once('SIGTERM', () => app.close())
