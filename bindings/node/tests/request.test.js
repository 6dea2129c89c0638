'use strict'

// What a request shows and how it is answered, seen by node:http2's client.

const { test, before, after } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { Server, GoawayError } = require('../index.js')
const { connect, send, until, sleep } = require('./helpers.js')

let server
let client
const failures = []
const seen = {} // what handlers leave for the tests

const routes = {
  'POST /all/{one}/{two}': async (request) => {
    const { id, stream, method, scheme, authority, path, query, params, headers, rawHeaders, peer } = request
    const body = await request.text()
    request.respond(200, JSON.stringify({ id, stream, method, scheme, authority, path, query, params, headers, rawHeaders, peer, body, name: request.searchParams.get('name'), trailers: request.trailers, session: request.session.info().id }))
  },
  'GET /forms/{form}': (request) => {
    const fields = {
      object: { 'X-One': 'a', 'x-many': ['b', 'c'], 'x-number': 7 },
      flat: ['x-one', 'a', 'x-many', 'b', 'x-many', 'c', 'x-number', 7],
      pairs: new Map([['x-one', 'a'], ['x-number', 7]]),
      latin: { 'x-latin': 'caf\xe9' }
    }
    request.respond(200, null, fields[request.params.form])
  },
  'GET /bodies/{kind}': (request) => {
    const bodies = { utf8: 'grüße €', bytes: Uint8Array.of(104, 105), long: 'ü'.repeat(5000), none: undefined }
    request.respond(200, bodies[request.params.kind])
  },
  'GET /refused/{what}': (request) => {
    const attempts = {
      status: () => request.respond(99),
      name: () => request.respond(200, '', { 'no name': '1' }),
      value: () => request.respond(200, '', { name: 'a\r\nb' }),
      wide: () => request.respond(200, '', { name: '€' }),
      missing: () => request.respond(200, '', { name: undefined }),
      odd: () => request.respond(200, '', ['name']),
      body: () => request.respond(200, { a: 1 }),
      early: () => request.write('x'),
      unended: () => request.end(),
      inform: () => request.inform(101),
      trailers: () => request.respond(200, '', {}, { 'no name': '1' })
    }
    assert.throws(attempts[request.params.what], (error) => {
      seen.refused = error
      return error instanceof GoawayError
    })
    if (!request.headSent) request.respond(200, seen.refused.code)
    else request.end(seen.refused.code)
  },
  // What only the library can know is refused after the turn.
  'GET /late/{what}': async (request) => {
    const { what } = request.params
    if (what === 'connection') request.respond(200, 'x', { connection: 'close' })
    if (what === 'length') request.respond(200, 'x', { 'content-length': 5 })
    if (what === 'short') {
      request.writeHead(200, { 'content-length': 5 })
      await sleep(50)
      request.end('x')
    }
    if (what === 'status') request.respond(204, 'x')
  },
  'GET /twice': (request) => {
    request.respond(200, 'once')
    assert.throws(() => request.respond(200, 'twice'), { code: 'GOAWAY_ERR_STATE' })
    request.reset()
  },
  'GET /throws': () => { throw new Error('thrown') },
  'GET /rejects': async () => { await null; throw new Error('rejected') },
  'GET /throws-late': async (request) => {
    request.writeHead(200).write('some')
    await sleep(50)
    throw new Error('thrown after the head')
  },
  'GET /inform': (request) => {
    request.inform(103, { link: '</a>; rel=preload' })
    request.inform(103, ['link', '</b>; rel=preload'])
    request.respond(200, 'done')
  },
  'GET /trailers': (request) => request.respond(200, 'ok', {}, { 'x-sum': '1' }),
  'GET /trailers-streamed': async (request) => {
    request.writeHead(200, { trailer: 'x-sum' })
    await request.write('o')
    request.end('k', { 'x-sum': ['1', '2'] })
  },
  'POST /limit': async (request) => request.respond(200, await request.bytes({ limit: 1000 })),
  'POST /slowly': async (request) => {
    let length = 0
    for await (const chunk of request.body) {
      length += chunk.length
      await sleep(1)
    }
    request.respond(200, String(length))
  },
  'POST /unread': (request) => request.respond(200, 'not read'),
  'POST /half': async (request) => {
    const { value } = await request.body.next()
    seen.half = value.length
    request.respond(200, 'half')
  },
  'GET /pressed/{count}': async (request) => {
    request.writeHead(200)
    seen.writes = 0
    for (let count = Number(request.params.count); count > 0; count--) {
      await request.write(Buffer.alloc(16384, 'x'))
      seen.writes++
    }
    request.end()
  },
  'GET /unawaited': (request) => {
    request.writeHead(200)
    for (let count = 0; count < 100; count++) request.write(Buffer.alloc(16384, 65 + count % 26))
    request.end('!', { 'x-end': 'yes' })
  },
  'GET /reset': (request) => request.writeHead(200).reset(11),
  'GET /wait': (request) => {
    seen.wait = request
    request.writeHead(200)
    request.signal.addEventListener('abort', () => { seen.reason = request.signal.reason })
  },
  'GET /wait-unheard': (request) => { seen.unheard = request },
  'GET /idle': (request) => {
    request.setIdle(50)
    request.writeHead(200)
  }
}

before(async () => {
  server = new Server({ limits: { workers: 1 } })
  for (const [pattern, handler] of Object.entries(routes)) server.register(pattern, handler)
  server.on('error', (error) => failures.push(error.message))
  await server.start({ bind: 0 })
  client = connect(server.port)
})

after(async () => {
  client.close()
  await server.close({ drainMs: 1000 })
})

test('all that a request says', async () => {
  const { body } = await send(client, '/all/eins/zw%C3%B6i?name=a%20b', { method: 'POST', headers: { 'x-a': '1', cookie: ['a=1', 'b=2'], 'x-b': 'caf\xe9' }, body: 'grüße' })
  const said = JSON.parse(body)
  const { rawHeaders, headers, id, session, peer, stream, authority, ...rest } = said
  assert.deepStrictEqual(rest, {
    method: 'POST', scheme: 'http', path: '/all/eins/zw%C3%B6i', query: 'name=a%20b', name: 'a b', params: { one: 'eins', two: 'zwöi' }, body: 'grüße', trailers: {}
  })
  assert.strictEqual(authority, `127.0.0.1:${server.port}`)
  assert.match(peer, /^127\.0\.0\.1:\d+$/)
  assert.ok(id > 0 && session > 0 && stream % 2 === 1)
  assert.strictEqual(headers['x-a'], '1')
  assert.strictEqual(headers['x-b'], 'caf\xe9')
  assert.strictEqual(headers.cookie, 'a=1; b=2')
  assert.strictEqual(rawHeaders[rawHeaders.indexOf('x-a') + 1], '1')
})

test('header fields in every form', async () => {
  const object = await send(client, '/forms/object')
  assert.deepStrictEqual([object.headers['x-one'], object.headers['x-many'], object.headers['x-number']], ['a', 'b, c', '7'])
  const flat = await send(client, '/forms/flat')
  assert.deepStrictEqual([flat.headers['x-one'], flat.headers['x-many'], flat.headers['x-number']], ['a', 'b, c', '7'])
  const pairs = await send(client, '/forms/pairs')
  assert.deepStrictEqual([pairs.headers['x-one'], pairs.headers['x-number']], ['a', '7'])
  assert.strictEqual((await send(client, '/forms/latin')).headers['x-latin'], 'caf\xe9')
})

test('bodies in every form', async () => {
  assert.strictEqual((await send(client, '/bodies/utf8')).body, 'grüße €')
  assert.strictEqual((await send(client, '/bodies/bytes')).body, 'hi')
  assert.strictEqual((await send(client, '/bodies/long')).body, 'ü'.repeat(5000))
  assert.strictEqual((await send(client, '/bodies/none')).headers['content-length'], '0')
})

test('HEAD has the length and no body', async () => {
  const answer = await send(client, '/bodies/bytes', { method: 'HEAD' })
  assert.deepStrictEqual([answer.status, answer.headers['content-length'], answer.body], [200, '2', ''])
})

for (const what of ['status', 'name', 'value', 'wide', 'missing', 'odd', 'inform', 'trailers', 'body']) {
  test(`refused at once: ${what}`, async () => {
    assert.strictEqual((await send(client, `/refused/${what}`)).body, 'GOAWAY_ERR_INVALID')
  })
}

for (const what of ['early', 'unended']) {
  test(`refused at once: ${what}`, async () => {
    assert.strictEqual((await send(client, `/refused/${what}`)).body, 'GOAWAY_ERR_STATE')
  })
}

for (const [what, text] of [['connection', /respond: /], ['length', /respond: .*length/], ['status', /respond: /]]) {
  test(`refused by the library: ${what}`, async () => {
    failures.length = 0
    const answer = await send(client, `/late/${what}`)
    assert.strictEqual(answer.status, 500)
    assert.match(failures.join(), text)
  })
}

test('refused by the library: an end that is too short', async () => {
  failures.length = 0
  const answer = await send(client, '/late/short')
  assert.deepStrictEqual([answer.status, answer.code], [200, 2])
  assert.match(failures.join(), /end: /)
})

test('an answer is given once', async () => {
  assert.strictEqual((await send(client, '/twice')).body, 'once')
})

test('a handler that fails: 500 before the head, a reset after it', async () => {
  failures.length = 0
  assert.strictEqual((await send(client, '/throws')).status, 500)
  assert.strictEqual((await send(client, '/rejects')).status, 500)
  const answer = await send(client, '/throws-late')
  assert.deepStrictEqual([answer.status, answer.code], [200, 2])
  assert.deepStrictEqual(failures, ['thrown', 'rejected', 'thrown after the head'])
})

test('HEAD of a streamed answer has no body either', async () => {
  const answer = await send(client, '/trailers-streamed', { method: 'HEAD' })
  assert.deepStrictEqual([answer.status, answer.body, answer.code], [200, '', 0])
  assert.deepStrictEqual((({ status, body }) => [status, body])(await send(client, '/unawaited', { method: 'HEAD' })), [200, ''])
})

test('informational heads', async () => {
  const { informational, body } = await send(client, '/inform')
  assert.deepStrictEqual(informational.map((fields) => [fields[':status'], fields.link]), [[103, '</a>; rel=preload'], [103, '</b>; rel=preload']])
  assert.strictEqual(body, 'done')
})

test('trailers out', async () => {
  const whole = await send(client, '/trailers')
  assert.deepStrictEqual([whole.body, whole.trailers['x-sum']], ['ok', '1'])
  const streamed = await send(client, '/trailers-streamed')
  assert.deepStrictEqual([streamed.body, streamed.trailers['x-sum']], ['ok', '1, 2'])
})

test('trailers in', async () => {
  const stream = client.request({ ':method': 'POST', ':path': '/all/a/b' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }))
  stream.end('x'.repeat(100000))
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk) => { text += chunk })
  await once(stream, 'close')
  const { body, trailers } = JSON.parse(text)
  assert.deepStrictEqual([body.length, trailers], [100000, { 'x-sum': '42' }])
})

test('a body over the limit is answered 413, and is nobody\'s failure', async () => {
  failures.length = 0
  assert.strictEqual((await send(client, '/limit', { method: 'POST', body: 'x'.repeat(1000) })).body.length, 1000)
  assert.strictEqual((await send(client, '/limit', { method: 'POST', body: 'x'.repeat(1001) })).status, 413)
  assert.deepStrictEqual(failures, [])
})

test('a body at the reader\'s pace', async () => {
  const { body } = await send(client, '/slowly', { method: 'POST', body: Buffer.alloc(3 << 20) })
  assert.strictEqual(body, String(3 << 20))
})

test('a body that is not read, or by half', async () => {
  assert.strictEqual((await send(client, '/unread', { method: 'POST', body: 'x'.repeat(1000) })).body, 'not read')
  assert.strictEqual((await send(client, '/half', { method: 'POST', body: Buffer.alloc(1 << 20) })).body, 'half')
  assert.ok(seen.half > 0)
  assert.strictEqual((await send(client, '/bodies/bytes')).body, 'hi', 'the session goes on')
})

test('write waits for a peer that does not read', async () => {
  const stream = client.request({ ':path': '/pressed/200' })
  await once(stream, 'response')
  await sleep(100)
  const held = seen.writes
  assert.ok(held < 40, `${held} of 200 were taken`)
  let length = 0
  stream.on('data', (chunk) => { length += chunk.length })
  await once(stream, 'close')
  assert.strictEqual(length, 200 * 16384)
})

test('a writer that does not wait loses nothing', async () => {
  const { body, trailers } = await send(client, '/unawaited')
  assert.strictEqual(body.length, 100 * 16384 + 1)
  for (let count = 0; count < 100; count++) assert.strictEqual(body.charCodeAt(count * 16384), 65 + count % 26)
  assert.strictEqual(trailers['x-end'], 'yes')
})

test('a reset has its code', async () => {
  assert.strictEqual((await send(client, '/reset')).code, 11)
})

test('a peer that goes is told with its cause', async () => {
  const stream = client.request({ ':path': '/wait' })
  stream.on('error', () => {})
  await once(stream, 'response')
  stream.close(8)
  await until(() => seen.reason, 'the abort')
  assert.deepStrictEqual([seen.reason.code, seen.reason.reason, seen.reason.http2Code], ['GOAWAY_ERR_CANCELLED', 'peer_reset', 8])
  const request = seen.wait
  assert.ok(request.ended && request.signal.aborted)
  await assert.rejects(request.write('x'), { code: 'GOAWAY_ERR_CANCELLED' })
  assert.throws(() => request.respond(200), { code: 'GOAWAY_ERR_CANCELLED' })
  request.end()
  request.reset()
  assert.strictEqual(request.stream, 0)
})

test('the signal may be asked for afterwards', async () => {
  const stream = client.request({ ':path': '/wait-unheard' })
  stream.on('error', () => {})
  await until(() => seen.unheard, 'the request')
  stream.close(8)
  await until(() => seen.unheard.ended, 'the end')
  assert.strictEqual(seen.unheard.signal.reason.reason, 'peer_reset')
})

test('a stream without a byte is reset when it should be', async () => {
  const answer = await send(client, '/idle')
  assert.strictEqual(answer.code, 8)
})

test('404, 405 and 400 are the library\'s', async () => {
  assert.strictEqual((await send(client, '/nowhere')).status, 404)
  const { status, headers } = await send(client, '/limit')
  assert.deepStrictEqual([status, headers.allow], [405, 'POST'])
  assert.strictEqual((await send(client, '/forms/%')).status, 400)
})
