'use strict'

// A head that cannot be sent reaches the peer as an error, whatever the program
// does behind it; no default head ever takes its place.

const { test } = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const { once } = require('node:events')
const { Readable, pipeline } = require('node:stream')
const { connect, send } = require('./helpers.js')
const { createServer, constants } = require('../http2.js')

const { NGHTTP2_FRAME_SIZE_ERROR: FRAME_SIZE_ERROR, NGHTTP2_INTERNAL_ERROR: INTERNAL_ERROR } = constants
const LARGE = 'h'.repeat(66_000)
const DENIED = { ':status': 403, a: LARGE }
const soon = (stream, act) => setTimeout(() => { if (!stream.destroyed) act() }, 5)

/** What the peer and the stream see of one request that `listener` answers on `event`. */
async function ask (event, listener, { method = 'GET', accept } = {}) {
  const server = createServer({ drainMs: 0 })
  const seen = { frameErrors: [], thrown: [], error: null, finished: null }
  server.on(event, (first, second) => {
    const stream = event === 'request' ? first.stream : first
    stream.on('frameError', (...args) => seen.frameErrors.push(args))
    stream.on('error', (error) => { seen.error = error.code })
    stream.on('close', () => { seen.finished = stream.writableFinished })
    const attempt = (act) => {
      try {
        act()
      } catch (error) {
        seen.thrown.push(error.code)
      }
    }
    listener(event === 'request' ? second : stream, attempt)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  if (accept !== undefined) client.on('stream', accept)
  seen.peer = await send(client, '/', { method })
  client.destroy()
  await new Promise((resolve) => server.close(resolve))
  return seen
}

const OF_COMPATIBILITY = {
  'writeHead and end' (response) { response.writeHead(403, { a: LARGE }).end('denied') },
  'setHeader and end' (response) { response.setHeader('a', LARGE).end('denied') },
  'an end without a body' (response) { response.setHeader('a', LARGE).end() },
  'setHeader, write and end' (response) {
    response.setHeader('a', LARGE)
    response.write('den')
    response.end('ied')
  },
  'many medium fields' (response) {
    for (let number = 0; number < 100; number++) response.setHeader(`a-${number}`, 'h'.repeat(700))
    response.end('denied')
  },
  'an end in a tick' (response) {
    response.writeHead(403, { a: LARGE })
    process.nextTick(() => response.end('denied'))
  },
  'an end in a later turn' (response) {
    response.writeHead(403, { a: LARGE })
    soon(response.stream, () => response.end('denied'))
  },
  'flushHeaders' (response) {
    response.setHeader('a', LARGE).flushHeaders()
    response.write('denied')
  },
  'a pipe' (response) { Readable.from(['den', 'ied']).pipe(response.writeHead(403, { a: LARGE })) },
  'a pipeline' (response) { pipeline(Readable.from(['den', 'ied']), response.writeHead(403, { a: LARGE }), () => {}) },
  'early hints' (response) {
    response.writeEarlyHints({ link: '</a.css>; rel=preload', a: LARGE })
    response.end('denied')
  },
  '204' (response) { response.writeHead(204, { a: LARGE }).end() }
}

for (const [name, listener] of Object.entries(OF_COMPATIBILITY)) {
  test(`a head that is too large, compatibility API: ${name}`, async () => {
    const { peer, frameErrors, error, finished } = await ask('request', listener)
    assert.deepStrictEqual([peer.status, peer.informational, peer.body, peer.code], [0, [], '', FRAME_SIZE_ERROR])
    assert.deepStrictEqual(frameErrors, [[1, FRAME_SIZE_ERROR, 1]])
    assert.deepStrictEqual([error, finished], ['ERR_HTTP2_STREAM_ERROR', false])
  })
}

test('a head that is too large, in answer to HEAD', async () => {
  const { peer, frameErrors } = await ask('request', (response) => response.writeHead(403, { a: LARGE }).end(), { method: 'HEAD' })
  assert.deepStrictEqual([peer.status, peer.code, frameErrors.length], [0, FRAME_SIZE_ERROR, 1])
})

const OF_STREAMS = {
  'respond and end' (stream) {
    stream.respond(DENIED)
    assert.deepStrictEqual([stream.headersSent, stream.sentHeaders[':status']], [true, 403])
    stream.end('denied')
  },
  endStream (stream) { stream.respond(DENIED, { endStream: true }) },
  'an end in a later turn' (stream) {
    stream.respond(DENIED)
    soon(stream, () => stream.end('denied'))
  },
  'a second head' (stream) {
    stream.respond(DENIED)
    assert.throws(() => stream.respond({ ':status': 200 }), { code: 'ERR_HTTP2_HEADERS_SENT' })
    stream.end('denied')
  },
  'a file' (stream) { stream.respondWithFile(__filename, DENIED) },
  'a descriptor' (stream) {
    const fd = fs.openSync(__filename)
    stream.respondWithFD(fd, DENIED)
    stream.once('close', () => fs.closeSync(fd))
  },
  'informational fields' (stream) {
    stream.additionalHeaders({ ':status': 103, a: LARGE })
    stream.respond({ ':status': 200 })
    stream.end('denied')
  }
}

for (const [name, listener] of Object.entries(OF_STREAMS)) {
  test(`a head that is too large, stream API: ${name}`, async () => {
    const { peer, frameErrors, finished } = await ask('stream', listener)
    assert.deepStrictEqual([peer.status, peer.informational, peer.body, peer.code], [0, [], '', FRAME_SIZE_ERROR])
    assert.deepStrictEqual([frameErrors, finished], [[[1, FRAME_SIZE_ERROR, 1]], false])
  })
}

test('a write behind a head that is too large fails', async () => {
  let told
  const written = new Promise((resolve) => { told = resolve })
  await ask('stream', (stream) => {
    stream.respond(DENIED)
    stream.write('denied', told)
  })
  assert.strictEqual((await written).code, 'ERR_HTTP2_STREAM_ERROR')
})

test('a promise that is too large is not made, and ends its stream', async () => {
  let told
  const pushed = new Promise((resolve) => { told = resolve })
  const promises = []
  const { peer, frameErrors } = await ask('stream', (stream) => {
    stream.respond({ ':status': 200 })
    stream.pushStream({ ':path': '/pushed', a: LARGE }, told)
    stream.write('body')
  }, { accept: (stream, headers) => promises.push(headers) })
  assert.strictEqual((await pushed).code, 'ERR_HTTP2_STREAM_ERROR')
  assert.deepStrictEqual(frameErrors, [[5, FRAME_SIZE_ERROR, 1]])
  assert.deepStrictEqual([peer.code, promises], [FRAME_SIZE_ERROR, []])
})

test('a head of a pushed stream that is too large', async () => {
  let resets
  const reset = new Promise((resolve) => { resets = resolve })
  let heads = 0
  const { peer } = await ask('stream', (stream) => {
    stream.respond({ ':status': 200 })
    stream.pushStream({ ':path': '/pushed' }, (error, pushed) => {
      assert.ifError(error)
      pushed.on('error', () => {})
      pushed.respond(DENIED)
      pushed.end('denied')
      pushed.once('close', () => stream.end('body'))
    })
  }, {
    accept (stream) {
      stream.on('push', () => heads++)
      stream.on('error', () => {})
      stream.on('close', () => resets(stream.rstCode))
    }
  })
  assert.deepStrictEqual([await reset, heads, peer.status, peer.body], [FRAME_SIZE_ERROR, 0, 200, 'body'])
})

for (const [event, respond] of Object.entries({
  request (response) {
    response.setTrailer('a', LARGE)
    response.end('body')
  },
  stream (stream) {
    stream.respond({ ':status': 200 }, { waitForTrailers: true })
    stream.once('wantTrailers', () => stream.sendTrailers({ a: LARGE }))
    stream.end('body')
  }
})) {
  test(`trailers that are too large are a reset: ${event}`, async () => {
    const { peer, frameErrors } = await ask(event, respond)
    assert.deepStrictEqual([peer.code, peer.trailers, frameErrors.length], [FRAME_SIZE_ERROR, null, 1])
  })
}

test('trailers that cannot be are a reset, and nobody\'s uncaught exception', async () => {
  for (const [name, value] of [['x', 'a\nb'], ['connection', 'x'], ['content-length', '4'], ['x', '中']]) {
    const { peer, error } = await ask('request', (response) => {
      response.setTrailer(name, value)
      response.end('body')
    })
    assert.deepStrictEqual([peer.code, peer.trailers], [INTERNAL_ERROR, null], `${name}: ${value}`)
    assert.notStrictEqual(error, null)
  }
})

// Of each the program is told where it stands; it goes on as if nothing had been.
const INVALID = [
  [403, { upgrade: 'x' }], [403, { 'a b': 'x' }], [403, { a: 'x\ny' }], [403, { a: '中' }], [1403, {}], [99, {}], ['forbidden', {}]
]

test('after a head that throws nothing is sent in its place, stream API', async () => {
  for (const [status, fields] of INVALID) {
    for (const act of ['write', 'end']) {
      const { peer, thrown, finished } = await ask('stream', (stream, attempt) => {
        attempt(() => stream.respond({ ':status': status, ...fields }))
        stream[act]('denied')
      })
      assert.deepStrictEqual([thrown.length, peer.status, peer.body, peer.code, finished], [1, 0, '', INTERNAL_ERROR, false], `${status} ${Object.keys(fields)}`)
    }
  }
})

test('after a head that throws nothing is sent in its place, compatibility API', async () => {
  for (const [status, fields] of [...INVALID, [403, { a: undefined }]]) {
    for (const act of ['write', 'end', 'flushHeaders']) {
      const { peer, thrown, finished } = await ask('request', (response, attempt) => {
        attempt(() => response.writeHead(status, fields))
        response[act]('denied')
      })
      assert.deepStrictEqual([thrown.length, peer.status, peer.body, peer.code, finished], [1, 0, '', INTERNAL_ERROR, false], `${status} ${Object.keys(fields)}`)
    }
  }
})

test('after a file\'s head that throws nothing is sent in its place', async () => {
  const { peer, thrown } = await ask('stream', (stream, attempt) => {
    attempt(() => stream.respondWithFD(0, { ':status': 403, connection: 'x' }))
    stream.end('denied')
  })
  assert.deepStrictEqual([thrown, peer.status, peer.code], [['ERR_HTTP2_INVALID_CONNECTION_HEADERS'], 0, INTERNAL_ERROR])
})

test('after a head that throws the program can send another', async () => {
  const stream = await ask('stream', (stream, attempt) => {
    attempt(() => stream.respond({ ':status': 403, upgrade: 'x' }))
    stream.respond({ ':status': 500 })
    stream.end('instead')
  })
  assert.deepStrictEqual([stream.peer.status, stream.peer.body], [500, 'instead'])
  for (const change of [
    (response) => { response.statusCode = 500 },
    (response) => response.writeHead(500),
    (response) => response.removeHeader('upgrade')
  ]) {
    const { peer } = await ask('request', (response, attempt) => {
      attempt(() => response.writeHead(500, { upgrade: 'x' }))
      response.removeHeader('upgrade')
      change(response)
      response.end('instead')
    })
    assert.deepStrictEqual([peer.status, peer.body], [500, 'instead'])
  }
})

test('fields of a writeHead that throws are not kept for the next', async () => {
  for (const fields of [{ a: 'x\ny', b: '1' }, { b: '1', upgrade: 'x' }, ['b', '1', 'a b', 'x']]) {
    const { peer } = await ask('request', (response, attempt) => {
      response.setHeader('c', '1')
      attempt(() => response.writeHead(403, fields))
      response.writeHead(403).end('instead')
    })
    assert.deepStrictEqual([peer.status, peer.headers.a, peer.headers.b, peer.headers.c, peer.body], [403, undefined, undefined, '1', 'instead'])
  }
})
