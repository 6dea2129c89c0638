'use strict'

// goaway's demo as a Fastify app: the routes of demo.mjs, in an app that is
// written for node:http2. The command line makes goaway serve it:
//
//   node -r goaway/register demo-fastify.js [PORT]
//
// PORT of 127.0.0.1; the default is 8080, 0 is any free port
//
// DRAIN_MS          how long open streams may go on after the second signal at most (5000)
// GOAWAY_DRAIN_MS   the drain time of goaway, if the app sets none: it applies to the first signal
// TLS_CERT          with TLS_KEY, the files of a certificate and its key: turns TLS on
//
// The first signal closes gracefully, a second one forces. A second signal within 100 ms
// is ignored, because GNU timeout sends two. When the last session has ended, the demo
// prints the report on standard output and exits.

const { METHODS } = require('node:http')
const { Readable } = require('node:stream')
const { once } = require('node:events')
const { setTimeout: sleep } = require('node:timers/promises')
const { Worker } = require('node:worker_threads')
const fastify = require('fastify')
const { WHOLE, numberOf, identity, Control, leaveAtSignals } = require('./demo-parts.js')

const CHUNK = Buffer.alloc(1024, 'x')
const BLOCK = Buffer.alloc(16 * 1024, 'x')
const BIG_BLOCKS = 512

/** Paths that support GET only. */
const PAGES = /^\/(slow|hang|stream|big|trailers|headers|early|users\/[^/]+|sessions|panic|count\/[^/]+|drain|stuck|events)?$/

function text (reply, body, status = 200) {
  return reply.code(status).type('text/plain').send(body)
}

async function * chunks (request, count, everyMs) {
  for (let left = count; left > 0 && !request.raw.stream.destroyed; left--) {
    yield CHUNK
    if (left > 1) await sleep(everyMs)
  }
}

function * blocks () {
  for (let left = BIG_BLOCKS; left > 0; left--) yield BLOCK
}

function fieldsOf (request) {
  const fields = request.raw.rawHeaders
  let body = ''
  for (let at = 0; at < fields.length; at += 2) {
    if (!fields[at].startsWith(':')) body += `${fields[at]}: ${fields[at + 1]}\n`
  }
  return Buffer.from(body, 'latin1')
}

// Work that blocks a worker thread of Node.js. It does not notice a cancelled request.
async function stuck (request, reply) {
  const ms = request.query.ms ?? '1000'
  if (!WHOLE.test(ms)) return text(reply, 'ms is no number\n', 400)
  const work = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})`
  await once(new Worker(work, { eval: true }), 'exit')
  return text(reply, 'stuck')
}

function addPages (app) {
  app.get('/', (request, reply) => text(reply, 'Hello, World!'))
  app.get('/slow', async (request, reply) => {
    await sleep(1000)
    return text(reply, 'slow')
  })
  app.get('/hang', () => new Promise(() => {}))
  app.get('/stream', (request, reply) => text(reply, Readable.from(chunks(request, 20, 100), { objectMode: false })))
  app.get('/big', (request, reply) => text(reply, Readable.from(blocks(), { objectMode: false })))
  app.get('/trailers', (request, reply) => {
    reply.trailer('x-checksum', async () => '1')
    return text(reply, 'ok')
  })
  app.get('/headers', (request, reply) => text(reply, fieldsOf(request)))
  app.get('/early', (request, reply) => {
    reply.raw.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    return text(reply, 'early')
  })
  app.get('/users/:id', (request, reply) => request.params.id === '' ? reply.callNotFound() : text(reply, request.params.id))
  app.get('/panic', () => { throw new Error('this handler always fails') })
  app.get('/count/:n', (request, reply) => {
    const { n } = request.params
    if (!WHOLE.test(n)) return text(reply, 'not a number\n', 400)
    return text(reply, Readable.from(chunks(request, Number(n), 50), { objectMode: false }))
  })
  app.get('/drain', async (request, reply) => {
    const [leftMs] = await once(request.raw.stream, 'draining')
    return text(reply, String(Math.round(leftMs)))
  })
  app.get('/stuck', stuck)
}

// Sends the body back as it arrives, whatever its content-type is.
function addEcho (app) {
  app.register(async (echo) => {
    echo.removeAllContentTypeParsers()
    echo.addContentTypeParser('*', (request, payload, done) => done(null, payload))
    echo.all('/echo', (request, reply) => text(reply, request.body ?? request.raw))
  })
}

// 405 (Method Not Allowed) for a known path, otherwise 404.
function addRest (app) {
  app.setNotFoundHandler((request, reply) => {
    const [path] = request.url.split('?')
    if (path === '/echo') text(reply, request.raw) // a method that Fastify does not know
    else if (PAGES.test(path) && request.method !== 'GET') reply.header('allow', 'GET, HEAD').code(405).send()
    else reply.code(404).send()
  })
}

function addControl (app, control) {
  app.get('/sessions', async () => control.sessions())
  app.get('/events', async () => control.events)
  app.post('/sessions/:id/close', (request, reply) => {
    reply.code(control.closeSession(request.params.id, new URLSearchParams(request.query))).send()
  })
  app.post('/sessions/:id/abort', (request, reply) => {
    reply.code(control.abortSession(request.params.id, new URLSearchParams(request.query))).send()
  })
  app.post('/close', (request, reply) => {
    const drainMs = request.query.drain_ms ?? String(control.drainMs)
    if (!WHOLE.test(drainMs)) return text(reply, 'POST /close?drain_ms=N\n', 400)
    app.server.close({ drainMs: Number(drainMs) })
    return text(reply, 'closing\n', 202)
  })
  // Exits the process without a close.
  app.post('/exit', () => process.exit())
}

async function main () {
  const port = numberOf('the port', process.argv[2], 8080)
  const drainMs = numberOf('DRAIN_MS', process.env.DRAIN_MS, 5000)
  // The limits of requests are goaway's defaults, which are lower than those of Node.js.
  const limits = { maxHeaderListPairs: 104, settings: { maxHeaderListSize: 16384 } }
  const tls = identity()
  const app = fastify({ http2: true, ...(tls ? { https: { ...limits, ...tls } } : { http: limits }), return503OnClosing: false })
  for (const method of METHODS) {
    if (method !== 'CONNECT' && !app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  }
  addPages(app)
  addEcho(app)
  addRest(app)
  addControl(app, new Control(app.server, drainMs))
  app.addHook('onError', async (request, reply, error) => console.error(`demo: a handler failed: ${error.message}`))
  // Fastify closes only once. A second call to the server's close shortens the drain.
  leaveAtSignals(app.server, drainMs, (left) => left === drainMs ? app.close() : app.server.close({ drainMs: left }))
  await app.listen({ port, host: '127.0.0.1' })
  console.log(`listening on 127.0.0.1:${app.server.address().port}`)
}

main().catch((error) => {
  console.error(`demo: ${error.message}`)
  process.exitCode = 1
})
