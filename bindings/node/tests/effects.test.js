'use strict'

// Each limit, set here to a small value, is seen by the peer or by the handler; so
// is each feature, on and off.

const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const { mkdtempSync, readdirSync, readFileSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { test } = require('node:test')
const { Server } = require('..')
const native = require('../lib/native.js')
const { connect, send, sleep } = require('./helpers.js')
const {
  Frames, word, DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, END_STREAM, ACK
} = require('./frames.js')

/** Less than the defaults: what comes by then comes for the limit that was set. */
const PATIENCE_MS = 8000
const SHORT_MS = 30
/** About what only programs in C have the library do: refused, see limits.test.js. */
const OF_C = ['sessionBodyBytes']

const camel = (name) => name.toLowerCase().replace(/_(\w)/g, (_, letter) => letter.toUpperCase())
const FEATURES = Object.keys(native.features).map(camel)

const hello = (request) => request.respond(200, 'hello')
const hang = () => new Promise(() => {})
const read = async (request) => request.respond(200, await request.bytes())

/** Has `look` see a server with these limits and features, which ends then. */
async function serve (values, handlers, look, more = {}) {
  const entries = Object.entries(values)
  const isFeature = ([name]) => FEATURES.includes(name)
  const limits = Object.fromEntries(entries.filter((entry) => !isFeature(entry)))
  const server = new Server({ limits, features: Object.fromEntries(entries.filter(isFeature)) })
  server.on('error', () => {})
  const patterns = typeof handlers === 'function' ? { '*': handlers } : handlers
  for (const [pattern, handler] of Object.entries(patterns)) server.register(pattern, handler)
  await server.start({ bind: { port: 0, ...more } })
  try {
    return await look(server)
  } finally {
    await server.close({ drainMs: 0 })
  }
}

/** Has `look` see a connection to such a server; with the preface sent, if it `greets`. */
function meet (limits, handlers, look, { greets = true } = {}) {
  return serve(limits, handlers, (server) => converse(server, look, { greets }))
}

async function converse (server, look, { greets = true } = {}) {
  const frames = await Frames.connect(server.port, PATIENCE_MS)
  if (greets) frames.greet()
  try {
    return await look(frames)
  } finally {
    frames.close()
  }
}

const goaways = (frames) => frames.filter(({ kind }) => kind === GOAWAY).map(({ code }) => code)

/** It is told to go, and ends without an error. */
async function isDrained (frames) {
  assert.strictEqual((await frames.until(GOAWAY)).code, 0)
  frames.send(PING, ACK, 0, (await frames.until(PING)).payload)
  assert.strictEqual((await frames.until(GOAWAY)).code, 0)
  frames.socket.end()
  assert.deepStrictEqual(goaways(await frames.rest()), [])
}

async function isReset (frames, code = 8) {
  assert.strictEqual((await frames.until(RST_STREAM)).code, code)
}

const announced = (limits, handlers = hello) => meet(limits, handlers, (frames) => frames.settle())

/** The second connection ends without a word. */
async function refusesTheSecond (limits) {
  await serve(limits, hello, (server) => converse(server, async (first) => {
    await first.until(SETTINGS)
    await converse(server, async (second) => assert.deepStrictEqual(await second.rest(), []))
  }))
}

/** The status of each of these requests, one behind the other. */
async function statuses (limits, handlers, requests) {
  return serve(limits, handlers, async (server) => {
    const client = connect(server.port)
    const found = []
    for (const request of requests) found.push((await send(client, '/', request)).status)
    client.destroy()
    return found
  })
}

/**
 * What is prepared for a peer shows nowhere outside: with the least of it a long
 * response is whole all the same, whatever its peer takes at a time.
 */
async function isWholeWith (limits) {
  const long = (request) => request.respond(200, Buffer.alloc(100_000))
  await meet(limits, long, async (frames) => {
    frames.greet(0)
    const stream = frames.ask()
    let length = 0
    for (let isWhole = false; !isWhole;) {
      for (const place of [0, stream]) frames.send(WINDOW_UPDATE, 0, place, word(20_000))
      const { payload, flags } = await frames.until(DATA)
      length += payload.length
      isWhole = (flags & END_STREAM) !== 0
    }
    assert.strictEqual(length, 100_000)
  }, { greets: false })
}

/** Whether 200 PINGs are too many: then the next is not answered, but told off. */
function isFlooded (limits) {
  return meet(limits, hello, async (frames) => {
    await frames.settle()
    const ping = (number) => frames.send(PING, 0, 0, Buffer.concat([word(0), word(number)]))
    for (let number = 0; number < 200; number++) ping(number)
    for (;;) {
      const frame = await frames.read()
      if (frame.kind === GOAWAY) {
        assert.strictEqual(frame.code, 11)
        return true
      }
      const number = frame.kind === PING ? frame.payload.readUInt32BE(4) : 0
      if (number === 199) ping(200)
      if (number === 200) return false
    }
  })
}

/** A certificate and its key. */
function certificate () {
  const folder = mkdtempSync(join(tmpdir(), 'goaway-effects-'))
  const [certFile, keyFile] = [join(folder, 'c.pem'), join(folder, 'k.pem')]
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-keyout', keyFile, '-out', certFile
  ], { stdio: 'ignore' })
  const pair = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  rmSync(folder, { recursive: true })
  return pair
}

const effects = {
  workers: () => serve({ workers: 3 }, hello, () => {
    const names = readdirSync('/proc/self/task').map((task) => readFileSync(`/proc/self/task/${task}/comm`, 'utf8'))
    assert.strictEqual(names.filter((name) => /^goaway-\d/.test(name)).length, 3)
  }),

  // The first one is in use.
  sessions: () => {
    let arrived
    const asked = new Promise((resolve) => { arrived = resolve })
    const hold = () => { arrived(); return new Promise(() => {}) }
    return serve({ sessions: 1 }, hold, (server) => converse(server, async (first) => {
      first.ask()
      await asked
      await converse(server, async (second) => assert.deepStrictEqual(await second.rest(), []))
    }))
  },
  sessionsPerAddress: () => refusesTheSecond({ sessionsPerAddress: 1 }),

  // One that does not go on makes room for the second.
  tlsHandshakes: () => serve({ tlsHandshakes: 1, workers: 1 }, hello, (server) =>
    converse(server, (first) => converse(server, async (second) => {
      first.socket.write(Buffer.from([22, 3, 1, 2]))
      await sleep(10)
      second.socket.write('this is no hello of TLS')
      assert.deepStrictEqual([...await second.take(1)], [21])
      assert.deepStrictEqual(await first.rest().catch(() => []), [])
    }, { greets: false }), { greets: false }), { tls: certificate() }),

  concurrentStreams: async () => {
    assert.strictEqual((await announced({ concurrentStreams: 2 }))[3], 2)
    await meet({ concurrentStreams: 2 }, hang, async (frames) => {
      const [, , last] = [frames.ask(), frames.ask(), frames.ask()]
      const { stream, code } = await frames.until(RST_STREAM)
      assert.deepStrictEqual([stream, code], [last, 7])
    })
  },

  requests: () => meet({ requests: 1 }, hello, (frames) => {
    frames.ask()
    return isDrained(frames)
  }),

  headerListBytes: async () => {
    assert.strictEqual((await announced({ headerListBytes: 500 }))[6], 500)
    const requests = [{}, { headers: { a: 'b'.repeat(400) } }]
    assert.deepStrictEqual(await statuses({ headerListBytes: 500 }, hello, requests), [200, 431])
  },

  headerFields: async () => {
    const fields = (count) => ({ headers: Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, 'b'])) })
    assert.deepStrictEqual(await statuses({ headerFields: 5 }, hello, [fields(5), fields(6)]), [200, 431])
  },

  headerTableBytes: () => meet({ headerTableBytes: 100 }, hello, async (frames) => {
    assert.strictEqual((await frames.settle())[1], 100)
    frames.send(HEADERS, 5, 1, Buffer.from([0x3f, 0x46, 0x82])) // a table of 101 bytes (RFC 7541, section 6.3)
    assert.strictEqual(goaways(await frames.rest())[0], 9) // COMPRESSION_ERROR (RFC 9113, section 4.3)
  }),

  frameBytes: () => meet({ frameBytes: 20_000 }, read, async (frames) => {
    assert.strictEqual((await frames.settle())[5], 20_000)
    frames.send(DATA, 0, frames.ask({ method: 'POST', whole: false }), Buffer.alloc(20_001))
    assert.strictEqual(goaways(await frames.rest()).at(-1), 6)
  }),

  connectProtocol: async () => {
    for (const [enabled, expected] of [[false, undefined], [true, 1]]) {
      assert.strictEqual((await announced({ connectProtocol: enabled }, { 'CONNECT *': hello }))[8], expected)
    }
  },

  streamWindowBytes: () => meet({ streamWindowBytes: 100 }, hang, async (frames) => {
    assert.strictEqual((await frames.settle())[4], 100)
    frames.send(DATA, 0, frames.ask({ method: 'POST', whole: false }), Buffer.alloc(101))
    await isReset(frames, 3)
  }),

  sessionWindowBytes: () => meet({ sessionWindowBytes: 100_000 }, hello, async (frames) => {
    const { stream, payload } = await frames.until(WINDOW_UPDATE)
    assert.deepStrictEqual([stream, payload.readUInt32BE()], [0, 100_000 - 65_535])
  }),

  sendBufferBytes: () => isWholeWith({ sendBufferBytes: 16_384 }),
  sessionSendBytes: () => isWholeWith({ sessionSendBytes: 16_384 }),

  // The largest session is closed, and a small one is served.
  memoryBytes: () => serve({ memoryBytes: 1 << 20, sessionWindowBytes: 1 << 21 }, { 'POST /': hang, 'GET /': hello }, (server) =>
    converse(server, (large) => converse(server, async (small) => {
      for (let stream = 0; stream < 5; stream++) {
        const id = large.ask({ method: 'POST', whole: false })
        for (let count = 0; count < 16; count++) large.send(DATA, 0, id, Buffer.alloc(16_000))
      }
      assert.strictEqual((await large.until(GOAWAY)).code, 11)
      small.ask()
      assert.strictEqual((await small.until(DATA)).payload.toString(), 'hello')
    }))),

  // The second request waits until the peer takes something of the first response.
  sessionResponseBytes: async () => {
    const asked = []
    const respond = (request) => {
      asked.push(request.path)
      return request.respond(200, 'ok')
    }
    await meet({ sessionResponseBytes: 1 }, respond, async (frames) => {
      frames.greet(0)
      const [first, second] = [frames.ask({ path: '/first' }), frames.ask({ path: '/second' })]
      await frames.until(HEADERS)
      frames.send(PING, 0, 0, Buffer.alloc(8))
      await frames.until(PING, ACK)
      assert.deepStrictEqual(asked, ['/first'])
      frames.send(WINDOW_UPDATE, 0, first, word(100))
      assert.strictEqual((await frames.until(DATA)).stream, first)
      assert.strictEqual((await frames.until(HEADERS)).stream, second)
      assert.deepStrictEqual(asked, ['/first', '/second'])
    }, { greets: false })
  },

  highWaterBytes: async () => {
    for (const [mark, waits] of [[10, true], [1000, false]]) {
      let seen
      const told = new Promise((resolve) => { seen = resolve })
      const stream = async (request) => {
        await request.writeHead(200)
        const written = request.write('0123456789')
        seen(await Promise.race([written.then(() => false), sleep(40).then(() => true)]))
        await written
        await request.end()
      }
      await meet({ highWaterBytes: mark }, stream, async (frames) => {
        frames.greet(0)
        const asked = frames.ask()
        assert.strictEqual(await told, waits)
        frames.send(WINDOW_UPDATE, 0, asked, word(1000))
        await frames.until(DATA)
      }, { greets: false })
    }
  },

  bodyBytes: async () => {
    const requests = [10, 11].map((length) => ({ method: 'POST', body: 'x'.repeat(length) }))
    assert.deepStrictEqual(await statuses({ bodyBytes: 10 }, read, requests), [200, 413])
  },

  controlBurst: async () => {
    assert.ok(await isFlooded({ controlBurst: 10, controlPerSecond: 1 }))
    assert.ok(!await isFlooded({ controlBurst: 1000, controlPerSecond: 1 }))
  },

  // With 1 a second they would be too many, as above.
  controlPerSecond: async () => assert.ok(!await isFlooded({ controlBurst: 10, controlPerSecond: 1_000_000 })),

  http1: async () => {
    for (const enabled of [false, true]) {
      await meet({ http1: enabled }, hello, async (frames) => {
        frames.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
        if (enabled) assert.strictEqual((await frames.take(12)).toString(), 'HTTP/1.1 200')
        else assert.deepStrictEqual(goaways(await frames.rest()), [1])
      }, { greets: false })
    }
  },

  // A WebSocket comes as the GET that it is.
  upgrade: async () => {
    for (const [enabled, method] of [[false, 'CONNECT'], [true, 'GET']]) {
      let seen
      const told = new Promise((resolve) => { seen = resolve })
      const see = (request) => {
        seen(request.method)
        return request.respond(400)
      }
      await meet({ upgrade: enabled }, { 'GET /': see, 'CONNECT *': see }, async (frames) => {
        frames.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n' +
          'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n')
        assert.strictEqual(await told, method)
      }, { greets: false })
    }
  },

  handshakeMs: () => meet({ handshakeMs: SHORT_MS }, hello, async (frames) => {
    assert.deepStrictEqual(await frames.rest(), [])
  }, { greets: false }),

  headerBlockMs: () => meet({ headerBlockMs: SHORT_MS }, hello, async (frames) => {
    frames.send(HEADERS, END_STREAM, 1, Buffer.from([0x82])) // and no END_HEADERS
    assert.deepStrictEqual(goaways(await frames.rest()), [11])
  }),

  idleMs: () => meet({ idleMs: SHORT_MS }, hello, async (frames) => {
    await frames.settle()
    await isDrained(frames)
  }),

  keepaliveMs: () => meet({ keepaliveMs: SHORT_MS }, hello, async (frames) => {
    await frames.settle()
    await frames.until(PING)
  }),

  keepaliveTimeoutMs: () => meet({ keepaliveMs: SHORT_MS, keepaliveTimeoutMs: SHORT_MS }, hello, async (frames) => {
    await frames.settle()
    await frames.until(PING)
    assert.deepStrictEqual(goaways(await frames.rest()), [])
  }),

  progressMs: () => meet({ progressMs: SHORT_MS }, hello, async (frames) => {
    frames.greet(0)
    frames.ask()
    await isReset(frames)
  }, { greets: false }),

  // A peer that takes more than the default asks for, and less than this.
  progressBytes: () => {
    const large = (request) => request.respond(200, Buffer.alloc(4 << 20))
    return meet({ progressMs: 100, progressBytes: 1 << 30 }, large, async (frames) => {
      const stream = frames.ask()
      for (;;) {
        const { kind, code, payload } = await frames.read()
        if (kind === RST_STREAM) return assert.strictEqual(code, 8)
        if (kind !== DATA || payload.length === 0) continue
        await sleep(5)
        for (const place of [0, stream]) frames.send(WINDOW_UPDATE, 0, place, word(payload.length))
      }
    })
  },

  streamIdleMs: () => meet({ streamIdleMs: SHORT_MS }, hang, (frames) => {
    frames.ask()
    return isReset(frames)
  }),

  ageMs: () => meet({ ageMs: SHORT_MS }, hello, isDrained),

  // Without it the session would end at once; with up to 30 days more it does not.
  ageJitterMs: () => meet({ ageMs: 1, ageJitterMs: 30 * 24 * 3600 * 1000 }, hello, async (frames) => {
    await frames.settle()
    await sleep(30)
    frames.ask()
    const kinds = []
    while (kinds.at(-1) !== HEADERS) kinds.push((await frames.read()).kind)
    assert.ok(!kinds.includes(GOAWAY))
  }),

  graceMs: () => meet({ graceMs: SHORT_MS, requests: 1 }, hang, (frames) => {
    frames.ask()
    return isReset(frames)
  })
}

test('each limit and feature has its effect here or is refused', () => {
  const root = join(__dirname, '..', '..', '..')
  const text = (path) => readFileSync(join(root, path), 'utf8')
  const names = (text, pattern) => Array.from(text.matchAll(pattern), ([, name]) => name)
  const header = text('include/goaway.h')
  const limits = names(header, /\bGOAWAY_LIMIT_(\w+) = \d+/g)
  const features = names(header, /\bGOAWAY_FEATURE_(\w+) = \d+/g)
  const rows = /^\| `([A-Z0-9_]*[A-Z0-9])` \|/gm
  const [before, after] = text('docs/limits.md').split('\n## Features\n')
  // The table names this one inside the row of PROGRESS_MS.
  const document = [...names(before, rows), 'PROGRESS_BYTES']
  assert.deepStrictEqual(Object.keys(native.limits), limits)
  assert.deepStrictEqual(Object.keys(native.features), features)
  assert.deepStrictEqual(document.sort(), limits.slice().sort())
  assert.deepStrictEqual(names(after, rows), features)
  assert.deepStrictEqual([...Object.keys(effects), ...OF_C].sort(), [...limits, ...features].map(camel).sort())
})

for (const [name, effect] of Object.entries(effects)) test(`${name} has its effect`, effect)
