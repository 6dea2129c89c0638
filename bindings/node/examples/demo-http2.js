'use strict'

// goaway's demo for node:http2's API: the routes of demo.mjs, written for
// createServer((request, response) => ...), or createSecureServer's.
//
//   node demo-http2.js [PORT]   listens on 127.0.0.1; the default is 8080, 0 is any free port
//
// DRAIN_MS   how long open streams may go on after SIGTERM or SIGINT (5000)
// TLS_CERT   with TLS_KEY, the files of a certificate and its key: turns TLS on
//
// The first signal closes gracefully, a second one forces. A second signal within 100 ms
// is ignored, because GNU timeout sends two. When the last session has ended, the demo
// prints the report on standard output and exits.

const { Readable, pipeline } = require('node:stream')
const { once } = require('node:events')
const { setTimeout: sleep } = require('node:timers/promises')
const { Worker } = require('node:worker_threads')
const http2 = require('../http2.js')
const { WHOLE, numberOf, identity, Control, leaveAtSignals } = require('./demo-parts.js')

const TEXT = { 'content-type': 'text/plain' }
const JSON_TYPE = { 'content-type': 'application/json' }
const CHUNK = Buffer.alloc(1024, 'x')
const BLOCK = Buffer.alloc(16 * 1024, 'x')
const BIG_BLOCKS = 512

function ignore () {}

function text (response, status, body = '', headers = TEXT) {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) }).end(body)
}

// Responses that are sent at once.

function getHello (request, response) {
  text(response, 200, 'Hello, World!')
}

function getTrailers (request, response) {
  response.setHeader('content-type', 'text/plain')
  response.setTrailer('x-checksum', '1')
  response.end('ok')
}

function getHeaders (request, response) {
  const fields = request.rawHeaders
  let body = ''
  for (let at = 0; at < fields.length; at += 2) {
    if (!fields[at].startsWith(':')) body += `${fields[at]}: ${fields[at + 1]}\n`
  }
  text(response, 200, Buffer.from(body, 'latin1'))
}

function getEarly (request, response) {
  response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
  text(response, 200, 'early')
}

function getUser (request, response, [id]) {
  text(response, 200, id)
}

function getPanic () {
  throw new Error('this handler always fails')
}

// Responses that are sent later, or never.

async function getSlow (request, response) {
  await sleep(1000)
  text(response, 200, 'slow')
}

function getHang () {}

async function sendChunks (response, count, everyMs) {
  response.writeHead(200, TEXT)
  for (let left = count; left > 0 && !response.stream.destroyed; left--) {
    response.write(CHUNK)
    if (left > 1) await sleep(everyMs)
  }
  response.end()
}

function getStream (request, response) {
  return sendChunks(response, 20, 100)
}

function getCount (request, response, [count]) {
  if (!WHOLE.test(count)) return text(response, 400, 'not a number\n')
  return sendChunks(response, Number(count), 50)
}

function getDrain (request, response) {
  response.stream.once('draining', (leftMs) => text(response, 200, String(Math.round(leftMs))))
}

// Work that blocks a worker thread of Node.js. It does not notice a cancelled request.
async function getStuck (request, response, _, query) {
  const ms = query.get('ms') ?? '1000'
  if (!WHOLE.test(ms)) return text(response, 400, 'ms is no number\n')
  const work = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})`
  await once(new Worker(work, { eval: true }), 'exit')
  text(response, 200, 'stuck')
}

// Responses that are written as fast as the peer reads them.

function anyEcho (request, response) {
  response.writeHead(200, TEXT)
  request.pipe(response)
}

function * blocks () {
  for (let left = BIG_BLOCKS; left > 0; left--) yield BLOCK
}

function getBig (request, response) {
  response.writeHead(200, TEXT)
  pipeline(Readable.from(blocks(), { objectMode: false }), response, ignore)
}

/** [method, pattern, handler]: `handler(request, response, [parameters of the pattern], query)`. */
function routesOf (control) {
  const { server } = control
  return [
    ['GET', /^\/$/, getHello],
    ['GET', /^\/slow$/, getSlow],
    ['GET', /^\/hang$/, getHang],
    ['*', /^\/echo$/, anyEcho],
    ['GET', /^\/stream$/, getStream],
    ['GET', /^\/big$/, getBig],
    ['GET', /^\/trailers$/, getTrailers],
    ['GET', /^\/headers$/, getHeaders],
    ['GET', /^\/early$/, getEarly],
    ['GET', /^\/users\/([^/]+)$/, getUser],
    ['GET', /^\/sessions$/, (request, response) => text(response, 200, JSON.stringify(control.sessions()), JSON_TYPE)],
    ['GET', /^\/panic$/, getPanic],
    ['GET', /^\/count\/([^/]+)$/, getCount],
    ['GET', /^\/drain$/, getDrain],
    ['GET', /^\/stuck$/, getStuck],
    // Exits the process without a close.
    ['POST', /^\/exit$/, () => process.exit()],
    ['GET', /^\/events$/, (request, response) => text(response, 200, JSON.stringify(control.events), JSON_TYPE)],
    ['POST', /^\/sessions\/([^/]+)\/close$/, (request, response, [id], query) => text(response, control.closeSession(id, query))],
    ['POST', /^\/sessions\/([^/]+)\/abort$/, (request, response, [id], query) => text(response, control.abortSession(id, query))],
    ['POST', /^\/close$/, (request, response, _, query) => {
      const drainMs = query.get('drain_ms') ?? String(control.drainMs)
      if (!WHOLE.test(drainMs)) return text(response, 400, 'POST /close?drain_ms=N\n')
      server.close({ drainMs: Number(drainMs) })
      text(response, 202, 'closing\n')
    }]
  ]
}

class Router {
  #routes

  constructor (routes) {
    this.#routes = routes
  }

  async handle (request, response) {
    try {
      await this.#route(request, response)
    } catch (error) {
      console.error(`demo: a handler failed: ${error.message}`)
      if (response.headersSent) response.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR)
      else text(response, 500)
    }
  }

  #route (request, response) {
    const [path, query = ''] = request.url.split(/\?(.*)/s)
    const found = this.#routes.filter(([, pattern]) => pattern.test(path))
    if (found.length === 0) return text(response, 404)
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const route = found.find(([which]) => which === '*' || which === method)
    if (route === undefined) return text(response, 405, '', { ...TEXT, allow: found.map(([which]) => which).join(', ') })
    const named = pattern(route[1], path)
    if (named === null) return text(response, 400)
    return route[2](request, response, named, new URLSearchParams(query))
  }
}

// The parameters of the pattern, decoded; null if one of them is not valid UTF-8.
function pattern (expression, path) {
  try {
    return expression.exec(path).slice(1).map(decodeURIComponent)
  } catch {
    return null
  }
}

function main () {
  const port = numberOf('the port', process.argv[2], 8080)
  const drainMs = numberOf('DRAIN_MS', process.env.DRAIN_MS, 5000)
  // The limits of requests are goaway's defaults, which are lower than those of Node.js.
  const options = { drainMs, limits: { headerListBytes: 16384, headerFields: 100 } }
  const tls = identity()
  const server = tls ? http2.createSecureServer({ ...options, ...tls }) : http2.createServer(options)
  const router = new Router(routesOf(new Control(server, drainMs)))
  server.on('request', (request, response) => router.handle(request, response))
  server.on('error', (error) => {
    console.error(`demo: ${error.message}`)
    process.exitCode = 1
  })
  leaveAtSignals(server, drainMs, (drainMs) => server.close({ drainMs }))
  server.listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${server.address().port}`))
}

try {
  main()
} catch (error) {
  console.error(`demo: ${error.message}`)
  process.exitCode = 1
}
