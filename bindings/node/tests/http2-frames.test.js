'use strict'

// What clients send frame by frame, to node:http2 and to goaway/http2: both take
// the same, and end no more than what is wrong. Where they differ is said.

const test = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const plain = require('node:http2')
const ours = require('../http2.js')
const { Frames, DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, END_STREAM, ACK } = require('./frames.js')

const PATIENCE_MS = 10_000
const PADDED = 8
const PROTOCOL_ERROR = 1

/** Runs `act(frames, server)` with a client whose SETTINGS and the server's are acknowledged. */
async function meet (http2, onStream, act, options) {
  const server = http2.createServer(options)
  const sessions = []
  const failed = []
  server.on('session', (session) => sessions.push(session))
  server.on('sessionError', (error) => failed.push(error))
  server.on('stream', onStream)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const frames = await Frames.connect(server.address().port, PATIENCE_MS)
  try {
    frames.greet()
    await frames.settle()
    await act(frames, server)
    assert.deepStrictEqual(failed, [])
  } finally {
    frames.close()
    sessions.forEach((session) => session.destroy())
    await new Promise((resolve) => server.close(resolve))
  }
}

function hello (stream) {
  stream.respond()
  stream.end('hello')
}

/** What comes of that stream until it ends: its body, or the code it is reset with. */
async function outcome (frames, stream) {
  const body = []
  for (;;) {
    const frame = await frames.read()
    assert.ok(frame !== null && frame.kind !== GOAWAY, 'the session ended')
    if (frame.stream !== stream) continue
    if (frame.kind === RST_STREAM) return { code: frame.code }
    if (frame.kind === DATA) body.push(frame.payload)
    if (frame.flags & END_STREAM && [DATA, HEADERS].includes(frame.kind)) return { body: Buffer.concat(body).toString() }
  }
}

for (const [name, http2] of [['node:http2', plain], ['goaway/http2', ours]]) {
  test(`fields of a request and of its trailers keep their order: ${name}`, async () => {
    const fields = [['b', '1'], ['x-foo', '2'], ['a', '3'], ['b', '4'], ['a', '5']]
    const lists = []
    const onStream = (stream, headers, flags, raw) => {
      lists.push(raw)
      assert.deepStrictEqual([headers.a, headers.b], ['3, 5', '1, 4'])
      stream.on('trailers', (trailers, flags, raw) => {
        lists.push(raw)
        hello(stream)
      })
      stream.resume()
    }
    await meet(http2, onStream, async (frames) => {
      const stream = frames.ask({ method: 'POST', fields, whole: false })
      frames.finish(stream, fields)
      assert.deepStrictEqual(await outcome(frames, stream), { body: 'hello' })
    })
    const pseudo = [':method', 'POST', ':scheme', 'http', ':authority', 'a', ':path', '/']
    assert.deepStrictEqual(lists, [[...pseudo, ...fields.flat()], fields.flat()])
  })

  test(`pseudo-header fields keep their order: ${name}`, async () => {
    const requests = [
      [[':path', '/a?b=c'], [':method', 'GET'], [':authority', 'a'], [':scheme', 'http'], ['x', '1']],
      [[':authority', 'a'], [':scheme', 'https'], [':path', '/'], [':method', 'PUT']],
      [[':scheme', 'http'], [':path', '/'], [':method', 'GET'], ['host', 'b']],
      [[':protocol', 'websocket'], [':path', '/'], [':scheme', 'http'], [':authority', 'a'], [':method', 'CONNECT']]
    ]
    const seen = []
    const onStream = (stream, headers, flags, raw) => {
      seen.push({ raw, names: Object.keys(headers) })
      hello(stream)
    }
    await meet(http2, onStream, async (frames) => {
      for (const request of requests) assert.deepStrictEqual(await outcome(frames, frames.askFor(request)), { body: 'hello' })
    }, { settings: { enableConnectProtocol: true } })
    assert.deepStrictEqual(seen, requests.map((request) => ({ raw: request.flat(), names: request.map(([name]) => name) })))
  })

  test(`requests have their fields in order in the compatibility API too: ${name}`, async () => {
    const request = [[':scheme', 'http'], [':path', '/a'], ['x', '1'], ['y', '2'], ['x', '3']]
    request.unshift([':method', 'GET'], [':authority', 'a'])
    await meet(http2, () => {}, async (frames, server) => {
      const told = once(server, 'request')
      frames.askFor(request)
      const [{ rawHeaders }, response] = await told
      assert.deepStrictEqual(rawHeaders, request.flat())
      response.end()
    })
  })

  for (const [what, kind, payload] of [['SETTINGS', SETTINGS, ''], ['PING', PING, '12345678']]) {
    test(`an ACK of ${what} that nobody asked for ends the session: ${name}`, async () => {
      const server = http2.createServer()
      const told = once(server, 'sessionError')
      const opened = once(server, 'session')
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      const frames = await Frames.connect(server.address().port, PATIENCE_MS)
      frames.greet()
      await frames.settle()
      const [session] = await opened
      const failed = once(session, 'error')
      frames.send(kind, ACK, 0, payload)
      for (const [error] of [await failed, await told]) {
        assert.strictEqual(error.code, 'ERR_HTTP2_ERROR')
        assert.strictEqual(error.errno, -505)
      }
      assert.ok((await frames.rest()).some((frame) => frame.kind === GOAWAY && frame.code !== 0))
      assert.strictEqual(session.destroyed, true)
      frames.close()
      await new Promise((resolve) => server.close(resolve))
    })
  }

  for (const [strategy, number] of [['NONE', 0], ['ALIGNED', 1], ['CALLBACK', 1], ['MAX', 2]]) {
    test(`frames are padded by the strategy ${strategy}: ${name}`, async () => {
      const paddingStrategy = http2.constants[`PADDING_STRATEGY_${strategy}`]
      assert.strictEqual(paddingStrategy, number)
      const onStream = (stream) => {
        stream.respond({ 'x-a': 'some value' })
        stream.end('a body of 22 characters')
      }
      await meet(http2, onStream, async (frames) => {
        const stream = frames.ask()
        const body = []
        for (let isLast = false; !isLast;) {
          const frame = await frames.read()
          if (frame.stream !== stream) continue
          isLast = (frame.flags & END_STREAM) !== 0
          const isPadded = (frame.flags & PADDED) !== 0
          const length = frame.payload.length
          if (number === 0) assert.strictEqual(isPadded, false)
          if (number === 1) assert.strictEqual((9 + length) % 8, 0)
          if (number === 2) assert.ok(isPadded && frame.payload[0] === 255)
          if (frame.kind === DATA) body.push(isPadded ? frame.payload.subarray(1, length - frame.payload[0]) : frame.payload)
        }
        assert.strictEqual(Buffer.concat(body).toString(), 'a body of 22 characters')
      }, { paddingStrategy })
    })
  }

  test(`a path with a forbidden character ends its stream and nothing else: ${name}`, async () => {
    const paths = []
    const onStream = (stream, headers) => {
      paths.push(headers[':path'])
      hello(stream)
    }
    await meet(http2, onStream, async (frames) => {
      for (const code of [...Array(33).keys(), 127]) {
        const stream = frames.ask({ path: `/bad${String.fromCharCode(code)}path` })
        assert.deepStrictEqual(await outcome(frames, stream), { code: PROTOCOL_ERROR }, `character ${code}`)
      }
      assert.deepStrictEqual(await outcome(frames, frames.ask()), { body: 'hello' })
    })
    assert.deepStrictEqual(paths, ['/'])
  })

  test(`fields that are not of HTTP/2 end their stream and nothing else: ${name}`, () => meet(http2, hello, async (frames) => {
    for (const field of [['X-A', '1'], ['connection', 'close'], ['te', 'gzip'], [':path', '/'], [':status', '200']]) {
      assert.deepStrictEqual(await outcome(frames, frames.ask({ fields: [field] })), { code: PROTOCOL_ERROR }, String(field))
    }
    assert.deepStrictEqual(await outcome(frames, frames.ask()), { body: 'hello' })
  }))

  test(`padding of a request is no part of it: ${name}`, async () => {
    const onStream = (stream) => {
      stream.respond()
      stream.pipe(stream)
    }
    await meet(http2, onStream, async (frames) => {
      const stream = frames.ask({ method: 'POST', whole: false })
      frames.send(DATA, PADDED, stream, '\x03ab\0\0\0')
      frames.send(DATA, PADDED | END_STREAM, stream, '\x02c\0\0')
      assert.deepStrictEqual(await outcome(frames, stream), { body: 'abc' })
    })
  })
}

test('what node:http2 leaves out of a request, or takes, is malformed', () => meet(ours, hello, async (frames) => {
  const fields = [['x', ' 1'], ['x', '1\t'], ['x', 'a\0b'], ['x', 'a\nb'], ['', '1']]
  for (const wrong of [...fields.map((field) => ({ fields: [field] })), { authority: '::1:443' }]) {
    assert.deepStrictEqual(await outcome(frames, frames.ask(wrong)), { code: PROTOCOL_ERROR }, JSON.stringify(wrong))
  }
  assert.deepStrictEqual(await outcome(frames, frames.ask({ authority: '[::1]:443' })), { body: 'hello' })
}))

for (const [name, http2] of [['node:http2', plain], ['goaway/http2', ours]]) {
  test(`more invalid frames than maxSessionInvalidFrames end the session: ${name}`, async () => {
    const server = http2.createServer({ maxSessionInvalidFrames: 5 })
    const failed = once(server, 'sessionError')
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const frames = await Frames.connect(server.address().port, PATIENCE_MS)
    frames.greet()
    await frames.settle()
    for (let count = 0; count < 8; count++) frames.ask({ fields: [[':status', '200']] })
    const [error, session] = await failed
    assert.strictEqual(error.code, 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES')
    assert.strictEqual(error.message, 'Too many invalid HTTP/2 frames')
    assert.strictEqual(error.errno, -902)
    assert.strictEqual(session.destroyed, true)
    frames.close()
    await new Promise((resolve) => server.close(resolve))
  })
}

test('who has closed only its sending side gets its response; node:http2 ends the session', async () => {
  const ended = []
  let respond
  const onStream = (stream, { ':method': method }) => {
    stream.resume()
    stream.on('aborted', () => ended.push(`${method} aborted`))
    stream.on('close', () => ended.push(`${method} close`))
    if (method === 'GET') respond = () => hello(stream)
    // What the client can no longer complete is over at once, before the response of the other.
    else stream.on('close', () => respond())
  }
  await meet(ours, onStream, async (frames, server) => {
    const stream = frames.ask()
    const opened = once(server, 'stream')
    frames.ask({ method: 'POST', whole: false })
    await opened
    frames.socket.end()
    assert.deepStrictEqual(await outcome(frames, stream), { body: 'hello' })
    await frames.rest()
  })
  assert.deepStrictEqual(ended, ['POST aborted', 'POST close', 'GET close'])
})
