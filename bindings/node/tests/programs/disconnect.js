'use strict'

// Makes every call on requests whose peers have disconnected: in timers, at each stage
// of a response, for each way to disconnect. Prints the errors that were not caught.

const http2 = require('node:http2')
const net = require('node:net')

const unhandled = []
const uncaught = []
let tried = 0
process.on('unhandledRejection', (error) => unhandled.push(String(error?.stack ?? error)))
process.on('uncaughtException', (error) => uncaught.push(String(error?.stack ?? error)))

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
const COUNT = 8 // requests of a client

/** The ways for a peer to disconnect, with the clients' sessions or the sockets of HTTP/1.1. */
const WAYS = {
  reset: (client, streams) => streams.forEach((stream) => stream.close(8)),
  goaway: (client) => client.destroy(),
  lost: (client) => client[Symbol.for('socket')].resetAndDestroy(),
  aborted: (client, streams, end) => end.abort(),
  deadline: (client, streams, end) => end.close(),
  http1: (client) => client.resetAndDestroy()
}

function openHttp2 (port) {
  const socket = net.connect(port, '127.0.0.1').on('error', () => {})
  const client = http2.connect(`http://127.0.0.1:${port}`, { createConnection: () => socket, settings: { initialWindowSize: 20_000 } })
  client[Symbol.for('socket')] = socket
  client.on('error', () => {})
  const streams = Array.from({ length: COUNT }, (_, at) => {
    const stream = client.request({ ':method': at % 2 ? 'POST' : 'GET', ':path': '/' }, { endStream: at % 2 === 0 })
    stream.on('error', () => {}) // nobody reads
    if (at % 2) stream.write('some')
    return stream
  })
  return [client, streams]
}

function openHttp1 (port) {
  const socket = net.connect(port, '127.0.0.1').on('error', () => {})
  socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf')
  return [socket, []]
}

/** Runs acts of a list in timers, again and again, also when all is over. */
function play (subject, acts) {
  let at = 0
  const timer = setInterval(() => {
    const act = acts[at++ % acts.length]
    tried++
    act(subject)
    if (at > acts.length * 3) clearInterval(timer)
  }, 1)
}

/** Acts on the own interface. What the program itself does wrong is caught as such: it is not what is tried. */
function misuse (act) {
  return (...args) => {
    try {
      return act(...args)
    } catch (error) {
      check(error)
    }
  }
}

function check (error) {
  if (error.code !== 'GOAWAY_ERR_STATE') throw error
}

const BIG = Buffer.alloc(40_000, 'x')

/** Stages: what has been done before the peer goes. */
const STAGES = {
  nothing: () => {},
  informed: (request) => request.inform(103, { link: '</a>' }),
  head: (request) => request.writeHead(200),
  written: (request) => { request.writeHead(200); request.write('some') },
  waiting: (request) => { request.writeHead(200); for (let n = 0; n < 10; n++) request.write(BIG) },
  ending: (request) => { request.writeHead(200); for (let n = 0; n < 10; n++) request.write(BIG); request.end('x', { 'x-sum': '1' }) },
  reading: (request) => { request.bytes(); request.writeHead(200) },
  signalled: (request) => { request.signal.addEventListener('abort', () => { request.respond(500); request.write?.('x') }); request.draining.addEventListener('abort', () => request.inform(103)) },
  thrown: async (request) => { request.writeHead(200); await request.json() },
  looping: async (request) => { request.writeHead(200); for (;;) { await request.write(BIG) } },
  piped: async (request) => { request.writeHead(200); for await (const chunk of request.body) await request.write(chunk); request.end() }
}

const ACTS = [
  (request) => request.respond(200, 'x', { a: 'b' }),
  (request) => request.respond(200, 'x', {}, { 'x-sum': '1' }),
  (request) => request.inform(103, { link: '</a>' }),
  (request) => request.writeHead(200, { a: 'b' }),
  (request) => request.writeHead(200).write('x'),
  (request) => request.write('x'),
  (request) => request.setHighWater(1000),
  (request) => request.setIdle(1000),
  (request) => request.end('x', { 'x-sum': '1' }),
  (request) => request.reset(2),
  (request) => { request.text(); request.bytes(); request.json() },
  (request) => { request.body.return() },
  (request) => { request.body.next().catch(check).catch((error) => { if (error.code !== 'GOAWAY_ERR_CANCELLED') throw error }) },
  (request) => { const { stream, headSent, ended, leftMs, signal, draining, headers, trailers, id } = request; return [stream, headSent, ended, leftMs, signal, draining, headers, trailers, id] },
  (request) => { const { session } = request; session.info(); session.close({ drainMs: 10_000 }); return session.tls },
  (request) => request.session.altsvc('clear', { origin: 'https://a' }),
  (request) => request.session.origin('https://a'),
  (request) => request.session.abort({ code: 2 })
]

/** In a callback that waits, of a request whose handler has returned. */
const WAITING_ACT = async (request) => {
  try {
    await request.write(BIG)
  } catch (error) {
    check(error)
  }
}
const RUNNING = new Set(['thrown', 'looping', 'piped'])

async function own () {
  const { Server } = require('../../index.js')
  for (const [wayName, way] of Object.entries(WAYS)) {
    for (const [name, stage] of Object.entries(STAGES)) {
      const server = new Server({ limits: { workers: 1 } })
      const requests = []
      server.register('*', (request) => {
        requests.push(request)
        const result = misuse(() => stage(request))()
        return result instanceof Promise ? result.catch(check) : result
      })
      await server.start({ bind: 0 })
      const [client, streams] = wayName === 'http1' ? openHttp1(server.port) : openHttp2(server.port)
      const wanted = wayName === 'http1' ? 1 : COUNT
      for (let n = 0; n < 500 && requests.length < wanted; n++) await sleep(2)
      if (requests.length !== wanted) throw new Error(`${wayName} ${name}: ${requests.length} requests`)
      await sleep(2)
      const end = { abort: () => requests[0].session.abort(), close: () => server.close({ drainMs: 0 }) }
      // Each begins elsewhere, so that every act is the first one after the peer has gone.
      requests.forEach((request, at) => {
        const acts = RUNNING.has(name) ? ACTS : [...ACTS, WAITING_ACT]
        const from = (at * 5) % acts.length
        play(request, [...acts.slice(from), ...acts.slice(0, from)].map(misuse))
      })
      if (name.length % 2) await sleep(3)
      way(client, streams, end)
      await sleep(12)
      client.destroy()
      await server.close({ drainMs: 0 })
    }
  }
  // Tunnels.
  const server = new Server({ limits: { workers: 1 }, features: { connectProtocol: true } })
  const tunnels = []
  server.register('CONNECT *', (request) => {
    const tunnel = request.upgrade()
    tunnels.push(tunnel)
    tunnel.write(BIG)
  })
  await server.start({ bind: 0 })
  const client = http2.connect(`http://127.0.0.1:${server.port}`)
  client.on('error', () => {})
  await new Promise((resolve) => client.once('remoteSettings', resolve))
  const streams = Array.from({ length: 4 }, () => client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/', ':authority': 'a' }).on('error', () => {}))
  for (let n = 0; n < 500 && tunnels.length < 4; n++) await sleep(2)
  streams[0].close(8)
  streams[1].destroy()
  for (const tunnel of tunnels) play(tunnel, [(tunnel) => tunnel.write(BIG), (tunnel) => tunnel.read(), (tunnel) => tunnel.end('x')])
  await sleep(3)
  client.destroy()
  await sleep(20)
  await server.close({ drainMs: 0 })
}

// ---- node:http2's interface ----

/** What Node.js throws for one that is closed or at another stage, which programs guard against. */
function expected (act) {
  return (subject) => {
    try {
      act(subject)
    } catch (error) {
      if (!/^ERR_(HTTP2_(INVALID_STREAM|INVALID_SESSION|HEADERS_SENT|HEADERS_AFTER_RESPOND|PUSH_DISABLED|TRAILERS|NESTED)|STREAM)/.test(error.code)) throw error
    }
  }
}

const STREAM_STAGES = {
  nothing: () => {},
  informed: (stream) => stream.additionalHeaders({ ':status': 103, link: '</a>' }),
  head: (stream) => stream.respond({ ':status': 200 }),
  written: (stream) => { stream.respond(); stream.write('some') },
  waiting: (stream) => { stream.respond(); for (let n = 0; n < 10; n++) stream.write(BIG) },
  ending: (stream) => { stream.respond({}, { waitForTrailers: true }); stream.on('wantTrailers', () => stream.sendTrailers({ a: 'b' })); stream.end(BIG) },
  reading: (stream) => { stream.respond(); stream.resume() },
  file: (stream) => stream.respondWithFile(__filename)
}

const STREAM_ACTS = [
  (stream) => stream.respond({ ':status': 200 }),
  (stream) => stream.additionalHeaders({ ':status': 103 }),
  (stream) => stream.write('x'),
  (stream) => stream.write(BIG, () => {}),
  (stream) => stream.end('x'),
  (stream) => stream.sendTrailers({ a: 'b' }),
  (stream) => stream.close(8, () => {}),
  (stream) => stream.setTimeout(10, () => {}),
  (stream) => stream.respondWithFile(__filename),
  (stream) => stream.pushStream({ ':path': '/b' }, () => {}),
  (stream) => { stream.resume(); stream.read(); stream.pause() },
  (stream) => stream.session?.ping(() => {}),
  (stream) => stream.session?.goaway(0),
  (stream) => stream.session?.settings({}, () => {}),
  (stream) => stream.session?.setTimeout(10, () => {}),
  (stream) => stream.session?.close(() => {}),
  (stream) => stream.destroy()
]

const RESPONSE_STAGES = {
  nothing: () => {},
  informed: (response) => response.writeEarlyHints({ link: '</a>; rel=preload' }),
  head: (response) => response.writeHead(200),
  waiting: (response) => { for (let n = 0; n < 10; n++) response.write(BIG) },
  ending: (response) => { response.setTrailer('a', 'b'); response.end(BIG) },
  piped: (response) => response.req.pipe(response)
}

/** On a response whose peer has gone none of these throws, as in Node.js, but for a push that is not allowed. */
const RESPONSE_ACTS = [
  (response) => { if (!response.headersSent) response.setHeader('a', 'b') },
  (response) => { if (!response.headersSent) response.writeHead(200, { a: 'b' }) },
  (response) => response.writeContinue(),
  (response) => response.writeEarlyHints({ link: '</a>; rel=preload' }),
  (response) => { if (!response.writableEnded) response.write('x') },
  (response) => { if (!response.writableEnded) response.write(BIG, () => {}) },
  expected((response) => response.createPushResponse({ ':path': '/b' }, () => {})),
  (response) => response.setTimeout(10),
  (response) => response.getHeaders(),
  (response) => { response.req.read(); response.req.resume() },
  (response) => response.flushHeaders(),
  (response) => response.end('x', () => {}),
  (response) => response.destroy()
]

async function face () {
  const goaway = require('../../http2.js')
  for (const kind of ['stream', 'request']) {
    const [stages, acts] = kind === 'stream' ? [STREAM_STAGES, STREAM_ACTS.map(expected)] : [RESPONSE_STAGES, RESPONSE_ACTS]
    for (const [wayName, way] of Object.entries(WAYS)) {
      if (wayName === 'http1') continue
      for (const stage of Object.values(stages)) {
        const server = goaway.createServer({ drainMs: 0 })
        const subjects = []
        server.on(kind, (stream, response) => {
          // Programs listen to it, as to that of any stream.
          if (kind === 'stream') stream.on('error', () => {})
          const subject = kind === 'stream' ? stream : response
          subjects.push(subject)
          stage(subject)
        })
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
        const [client, streams] = openHttp2(server.address().port)
        for (let n = 0; n < 500 && subjects.length < COUNT; n++) await sleep(2)
        if (subjects.length !== COUNT) throw new Error(`${wayName}: ${subjects.length} requests`)
        const end = { abort: () => server.sessions[0]?.abort(), close: () => server.close({ drainMs: 0 }) }
        subjects.forEach((subject, at) => {
          const from = (at * 5) % acts.length
          play(subject, [...acts.slice(from), ...acts.slice(0, from)])
        })
        way(client, streams, end)
        await sleep(12)
        client.destroy()
        await new Promise((resolve) => server.close({ drainMs: 0 }, resolve))
      }
    }
  }
}

const run = process.argv[2] === 'own' ? own : face
run().then(async () => {
  await sleep(100)
  console.log(JSON.stringify({ tried, unhandled: [...new Set(unhandled)], uncaught: [...new Set(uncaught)] }))
  process.exit(0)
}, (error) => {
  console.error(error)
  process.exit(1)
})
