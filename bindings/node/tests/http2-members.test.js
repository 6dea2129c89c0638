'use strict'

// Members of sessions, streams, requests and responses are what they are in
// Node.js, while they live and when they have ended: every member that a real
// one has is asked in every state, with node:http2 and with goaway's.

const { test } = require('node:test')
const assert = require('node:assert')
const net = require('node:net')
const nodeHttp2 = require('node:http2')
const goawayHttp2 = require('../http2.js')

const LIMIT_MS = 10_000
/** What goaway's is like is Node.js 20 and later. */
const skip = parseInt(process.versions.node) < 20 ? 'Node.js 18 has other values in some states' : false
const kSocket = Symbol('socket')

// ---- asking ----

/** Numbers that differ from run to run, and those of which only the kind counts. */
const KIND_ONLY = new Set(['bytesRead', 'bytesWritten', '_bytesDispatched', 'remotePort', 'localPort', 'writableHighWaterMark', 'readableHighWaterMark', 'autoSelectFamilyAttemptedAddresses'])

function shown (name, value) {
  if (value === null || value === undefined) return String(value)
  if (typeof value === 'number') return KIND_ONLY.has(name) ? 'number' : `${value}`
  if (typeof value === 'string') return name === 'authority' || name === 'url' ? 'string' : JSON.stringify(value)
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  return typeof value
}

/** Names of what a real one has, up to what every EventEmitter has. */
function namesOf (object) {
  const names = new Set()
  for (let at = object; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) if (!name.startsWith('_') && name !== 'constructor') names.add(name)
  }
  return [...names]
}

/** Methods that only tell, or that programs call on what may have ended, with what they are called. */
const CALLS = {
  session: {
    ping: [() => {}], goaway: [], settings: [{}], setTimeout: [1000], ref: [], unref: [], close: [], setLocalWindowSize: [70000],
    altsvc: ['h2=":1"', 'https://a'], origin: ['https://a'], destroy: []
  },
  stream: {
    setTimeout: [1000], priority: [{}], respond: [{}], additionalHeaders: [{ ':status': 103 }], sendTrailers: [{}], close: [], resume: [], pause: [],
    read: [], isPaused: [], cork: [], uncork: [], end: [], destroy: [], respondWithFile: [__filename], pushStream: [{}, () => {}]
  },
  request: { setTimeout: [1000], resume: [], pause: [], read: [], isPaused: [] },
  response: {
    setTimeout: [1000], setHeader: ['x-late', '1'], getHeader: ['x-a'], hasHeader: ['x-a'], getHeaderNames: [], getHeaders: [], removeHeader: ['x-late'],
    appendHeader: ['x-late', '2'], flushHeaders: [], writeContinue: [], writeEarlyHints: [{ link: '</a>; rel=preload' }], writeHead: [200], cork: [], uncork: [],
    write: ['x'], end: [], createPushResponse: [{ ':path': '/' }, () => {}], setTrailer: ['x-sum', '1'], addTrailers: [{ a: 'b' }]
  },
  socket: { address: [], setTimeout: [1000], ref: [], unref: [], setNoDelay: [], setKeepAlive: [] }
}

function outcome (name, act) {
  try {
    return shown(name, act())
  } catch (error) {
    return `throws ${error.code ?? error}`
  }
}

/** { 'session.closed': 'false', ... }; the methods only with `calls`, since they change what is there. */
function ask (objects, names, calls) {
  const said = {}
  for (const [kind, object] of Object.entries(objects)) {
    for (const name of names[kind]) {
      const value = outcome(name, () => object[name])
      said[`${kind}.${name}`] = value
    }
    for (const [name, args] of calls ? Object.entries(CALLS[kind]) : []) {
      if (kind !== 'socket' && !names[kind].includes(name)) continue // Node.js had it later
      said[`${kind}.${name}()`] = outcome(name, () => object[name](...args))
    }
  }
  return said
}

// ---- ways to an end ----

/** What the client and the program do with a request; 'done' states are asked in turn. */
const WAYS = {
  served: { act: (stream) => stream.end('x') },
  reset: { act: (stream) => stream.write('x'), peer: (stream) => stream.close(8) },
  resetQuietly: { act: () => {}, peer: (stream) => stream.close(0) },
  lost: { act: (stream) => stream.write('x'), peer: (stream, client) => client.destroy() },
  broken: { act: (stream) => stream.write('x'), peer: (stream, client) => client[kSocket].resetAndDestroy() },
  closed: { act: (stream) => stream.close(2) },
  cancelled: { act: (stream) => stream.close(8) },
  destroyed: { act: (stream) => stream.destroy() },
  failed: { act: (stream) => stream.destroy(new Error('on purpose')) },
  sessionClosed: { act: (stream) => { stream.session.close(); stream.end('x') } },
  sessionDestroyed: { act: (stream) => stream.session.destroy() }
}

async function run (http2, way, compat, names) {
  const states = {}
  const { act, peer } = WAYS[way]
  const server = http2.createServer()
  let resolve
  const over = new Promise((_resolve) => { resolve = _resolve })
  const timer = setTimeout(() => resolve(), LIMIT_MS)
  server.on('sessionError', () => {})
  const acked = new Promise((resolve) => server.once('session', (session) => session.once('localSettings', resolve)))
  server.on(compat ? 'request' : 'stream', (one, two) => {
    const stream = compat ? two.stream : one
    const { session } = stream
    const objects = compat ? { request: one, response: two } : { session, stream, socket: session.socket }
    names ??= Object.fromEntries(Object.entries(objects).map(([kind, object]) => [kind, namesOf(object)]))
    const note = (state, calls) => { states[state] ??= ask(objects, names, calls) }
    for (const [kind, object] of Object.entries(objects)) {
      if (kind === 'socket') continue
      object.on('error', () => {})
      object.on('aborted', () => note(`${kind} aborted`, false))
      object.on('close', () => note(`${kind} closes`, false))
    }
    stream.on('error', () => {})
    note('open', false)
    if (!compat) stream.respond({ ':status': 200, 'x-a': 'b' })
    else two.setHeader('x-a', 'b')
    if (compat) two.writeHead(200)
    note('answered', false)
    act(stream)
    note('acted', false)
    session.on('close', () => setTimeout(() => {
      note('over', false)
      note('called when over', true)
      resolve()
    }, 5))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const socket = net.connect(server.address().port, '127.0.0.1').on('error', () => {})
  const client = nodeHttp2.connect(`http://127.0.0.1:${server.address().port}`, { createConnection: () => socket })
  client[kSocket] = socket
  client.on('error', () => {})
  await acked
  const stream = client.request({ ':path': '/x' })
  stream.on('error', () => {})
  stream.resume()
  if (peer !== undefined) stream.once('response', () => setTimeout(() => peer(stream, client), 5))
  stream.on('close', () => setTimeout(() => client.close(), 5))
  await over
  clearTimeout(timer)
  client.destroy()
  await new Promise((resolve) => server.close(resolve))
  return { states, names }
}

// ---- intended differences ----

/** Patterns of 'way state member'; why, stands above each. */
const INTENDED = [
  // Documented to give the response; Node.js gives it for a request only.
  /called when over response\.setTimeout\(\)$/,
  // A number of bytes that wait: Node.js counts some twice.
  / acted stream\.bufferSize$/,
  // One that nobody reads is not resumed when its peer goes: there is nothing to discard.
  /^lost .* stream\.readableFlowing$/,
  // The response has been handed over with its end, so that nothing can be pushed beside it any more.
  /^served acted stream\.pushAllowed$/,
  // From Node.js 24 on it destroys the session; before, and here, it is refused.
  / socket\.destroy$/,
  // Node.js 24 unbinds the socket of a destroyed session a moment later than others.
  /^sessionDestroyed (acted|stream closes) (socket\.|session\.socket$)/,
  // Whether a stream that is reset unread counts as read differs between Node.js 20 and 22.
  /^(closed|cancelled) .* stream\.readable(Aborted|Flowing|Ended)$/,
  // Of a connection that ends, the library tells the streams first, and then the session with its socket.
  /^(lost|broken) stream aborted (socket\.|session\.destroyed$)/
]

function isIntended (where) {
  return INTENDED.some((pattern) => pattern.test(where))
}

/** What differs by chance, since one of the two was slow, does not differ each time. */
const TRIES = 4

async function compare (way, compat) {
  const plain = await run(nodeHttp2, way, compat)
  const ours = await run(goawayHttp2, way, compat, plain.names)
  const differences = []
  for (const [state, members] of Object.entries(plain.states)) {
    if (ours.states[state] === undefined) { differences.push(`${way} ${state}: never`); continue }
    for (const [member, value] of Object.entries(members)) {
      const where = `${way} ${state} ${member}`
      const own = ours.states[state][member]
      if (own !== value && !isIntended(where)) differences.push(`${where}: ${own}, Node.js has ${value}`)
    }
  }
  for (const state of Object.keys(ours.states)) if (plain.states[state] === undefined) differences.push(`${way} ${state}: not in Node.js`)
  return differences
}

for (const compat of [false, true]) {
  for (const way of Object.keys(WAYS)) {
    test(`${compat ? 'request and response' : 'session and stream'}: ${way}`, { timeout: 2 * TRIES * LIMIT_MS, skip }, async () => {
      let differences = []
      for (let count = 0; count < TRIES && (differences = await compare(way, compat)).length > 0; count++);
      assert.strictEqual(differences.length, 0, differences.join('\n'))
    })
  }
}
