// goaway's demo: every kind of response, and a graceful close.
//
//   node demo.mjs [PORT]   listens on 127.0.0.1; the default is 8080, 0 is any free port
//
// TLS_CERT        with TLS_KEY, the files of a certificate and its key: turns TLS on
// DRAIN_MS        how long open streams may go on after SIGTERM or SIGINT (5000)
// GOAWAY_WORKERS  number of worker threads of the library (one for each processor)
//
// The first signal closes gracefully, a second one forces. A second signal within 100 ms
// is ignored, because GNU timeout sends two. When the last session has ended, the demo
// prints the report on standard output and exits.

import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Server } from '../index.mjs'
import { atSignals } from './demo-parts.js'

const TEXT = { 'content-type': 'text/plain' }
const JSON_TYPE = { 'content-type': 'application/json' }
const CHUNK = Buffer.alloc(1024, 'x')
const BLOCK = Buffer.alloc(16 * 1024, 'x')
const BIG_BLOCKS = 512
const EVENTS_KEPT = 1000
const WHOLE = /^[0-9]{1,15}$/

/** A number from the environment, the command line or a query. Throws if it is not a number. */
function numberOf (what, text, otherwise) {
  if (text === undefined || text === null) return otherwise
  if (!WHOLE.test(text)) throw new RangeError(`${what} is "${text}", not a number`)
  return Number(text)
}

/** Every demo prints 'sessionsGraceful' as 'sessions_graceful'. */
function snake (object) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]))
}

// Responses that are sent at once.

function getHello (request) {
  request.respond(200, 'Hello, World!', TEXT)
}

function getTrailers (request) {
  request.respond(200, 'ok', TEXT, { 'x-checksum': '1' })
}

function getHeaders (request) {
  const fields = request.rawHeaders
  let text = ''
  for (let at = 0; at < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\n`
  request.respond(200, Buffer.from(text, 'latin1'), TEXT)
}

function getEarly (request) {
  request.inform(103, { link: '</style.css>; rel=preload; as=style' })
  request.respond(200, 'early', TEXT)
}

function getUser (request) {
  request.respond(200, request.params.id, TEXT)
}

function getPanic () {
  throw new Error('this handler always fails')
}

// Responses that are sent later, or never.

async function getSlow (request) {
  await sleep(1000)
  if (!request.ended) request.respond(200, 'slow', TEXT)
}

function getHang () {}

async function sendChunks (request, count, everyMs) {
  request.writeHead(200, TEXT)
  for (let left = count; left > 0; left--) {
    await request.write(CHUNK)
    if (left > 1) await sleep(everyMs, undefined, { signal: request.signal })
  }
  request.end()
}

function getStream (request) {
  return sendChunks(request, 20, 100)
}

function getCount (request) {
  const { n } = request.params
  if (!WHOLE.test(n)) return request.respond(400, 'not a number\n', TEXT)
  return sendChunks(request, Number(n), 50)
}

function getDrain (request) {
  const tell = () => request.respond(200, String(Math.round(request.leftMs)), TEXT)
  if (request.draining.aborted) tell()
  else request.draining.addEventListener('abort', tell, { once: true })
}

// Work that blocks a worker thread of Node.js. It does not notice a cancelled request.
async function getStuck (request) {
  const ms = request.searchParams.get('ms') ?? '1000'
  if (!WHOLE.test(ms)) return request.respond(400, 'ms is no number\n', TEXT)
  const work = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})`
  await once(new Worker(work, { eval: true }), 'exit')
  if (!request.ended) request.respond(200, 'stuck', TEXT)
}

// Responses that are written as fast as the peer reads them.

async function anyEcho (request) {
  const { body } = request // first, so that a peer gets 100 (Continue) that waits for it
  request.writeHead(200, TEXT)
  for await (const chunk of body) await request.write(chunk)
  request.end()
}

async function getBig (request) {
  request.writeHead(200, TEXT)
  for (let left = BIG_BLOCKS; left > 0; left--) await request.write(BLOCK)
  request.end()
}

// Routes for tests: sessions, events, closing.

class Control {
  constructor (server, drainMs) {
    this.server = server
    this.drainMs = drainMs
    this.events = []
    server.on('session', (session) => this.#follow(session))
  }

  #follow (session) {
    this.#keep(`opened ${session.id}`)
    for (const kind of ['settings', 'ping', 'goaway', 'error', 'timeout', 'draining']) {
      session.on(kind, () => this.#keep(`${kind} ${session.id}`))
    }
    session.on('frameError', () => this.#keep(`frame_error ${session.id}`))
    session.on('closed', ({ outcome }) => this.#keep(`closed ${session.id} ${outcome}`))
  }

  #keep (line) {
    if (this.events.push(line) > EVENTS_KEPT) this.events.shift()
  }

  getSessions = (request) => {
    request.respond(200, JSON.stringify(this.server.sessions().map(snake)), JSON_TYPE)
  }

  getEvents = (request) => {
    request.respond(200, JSON.stringify(this.events), JSON_TYPE)
  }

  // Responds according to the result of a call on a session.
  #onSession (request, usage, act) {
    const { id } = request.params
    try {
      if (!WHOLE.test(id)) throw new RangeError('no id')
      act(this.server.session(Number(id)))
      request.respond(204)
    } catch (error) {
      if (error instanceof RangeError) request.respond(400, usage, TEXT)
      else if (error.code === 'GOAWAY_ERR_GONE') request.respond(404, 'no such session\n', TEXT)
      else throw error
    }
  }

  closeSession = (request) => {
    this.#onSession(request, 'POST /sessions/{id}/close?drain_ms=N\n', (session) => {
      session.close({ drainMs: numberOf('drain_ms', request.searchParams.get('drain_ms'), this.drainMs) })
    })
  }

  abortSession = (request) => {
    this.#onSession(request, 'POST /sessions/{id}/abort?code=N&debug=text\n', (session) => {
      session.abort({ code: numberOf('code', request.searchParams.get('code'), 0), debug: request.searchParams.get('debug') ?? '' })
    })
  }

  close = (request) => {
    const drainMs = request.searchParams.get('drain_ms') ?? String(this.drainMs)
    if (!WHOLE.test(drainMs)) return request.respond(400, 'POST /close?drain_ms=N\n', TEXT)
    this.server.close({ drainMs: Number(drainMs) })
    request.respond(202, 'closing\n', TEXT)
  }
}

function routesOf (control) {
  return {
    'GET /': getHello,
    'GET /slow': getSlow,
    'GET /hang': getHang,
    '* /echo': anyEcho,
    'GET /stream': getStream,
    'GET /big': getBig,
    'GET /trailers': getTrailers,
    'GET /headers': getHeaders,
    'GET /early': getEarly,
    'GET /users/{id}': getUser,
    'GET /sessions': control.getSessions,
    'GET /panic': getPanic,
    'GET /count/{n}': getCount,
    'GET /drain': getDrain,
    'GET /stuck': getStuck,
    // Exits the process without a close.
    'POST /exit': () => process.exit(),
    'GET /events': control.getEvents,
    'POST /sessions/{id}/close': control.closeSession,
    'POST /sessions/{id}/abort': control.abortSession,
    'POST /close': control.close
  }
}

async function main () {
  const port = numberOf('the port', process.argv[2], 8080)
  const drainMs = numberOf('DRAIN_MS', process.env.DRAIN_MS, 5000)
  const workers = numberOf('GOAWAY_WORKERS', process.env.GOAWAY_WORKERS, 0)
  const server = new Server({ limits: workers > 0 ? { workers } : {} })
  const control = new Control(server, drainMs)
  for (const [pattern, handler] of Object.entries(routesOf(control))) server.register(pattern, handler)
  server.on('error', (error) => console.error(`demo: a handler failed: ${error.message}`))
  server.on('close', (report) => console.log(JSON.stringify(snake(report))))
  if (process.stderr.isTTY) {
    server.on('progress', ({ sessions, streams, leftMs }) => {
      process.stderr.write(`\rleaving: sessions ${sessions}, streams ${streams}, ${(leftMs / 1000).toFixed(1)} s left \x1b[K`)
    })
  }
  const leave = atSignals(drainMs, (ms) => server.close({ drainMs: ms }))
  process.on('SIGTERM', leave).on('SIGINT', leave)
  server.once('close', () => process.off('SIGTERM', leave).off('SIGINT', leave))
  const { TLS_CERT: certFile, TLS_KEY: keyFile } = process.env
  const tls = certFile && keyFile ? { certFile, keyFile } : undefined
  await server.start({ bind: addressOf(process.env.GOAWAY_ADDRESS, port, tls) })
  console.log(`listening on ${server.addresses[0]}`)
}

/** Where to listen: GOAWAY_ADDRESS if it is given, else the port. */
function addressOf (given, port, tls) {
  if (given === undefined) return { host: '127.0.0.1', port, tls }
  if (tls === undefined) return given
  if (given.startsWith('systemd:')) return { systemd: given.slice('systemd:'.length), tls }
  throw new Error(`GOAWAY_ADDRESS=${given} goes with TLS only if it is systemd:NAME`)
}

main().catch((error) => {
  console.error(`demo: ${error.message}`)
  process.exitCode = 1
})
