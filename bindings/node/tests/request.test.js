'use strict'

// What a request shows and how it is answered, seen by node:http2's client.

const { test, before, after } = require('node:test')
const assert = require('node:assert')
const { EventEmitter, once } = require('node:events')
const { Server, GoawayError } = require('../index.js')
const { connect, send, until, sleep } = require('./helpers.js')

let server
let client
const failures = []
const seen = {} // what handlers leave for the tests
const atClient = new EventEmitter() // tells handlers what the client has

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
      pairs: [['X-One', 'a'], ['x-many', 'b'], ['x-many', 'c'], ['x-number', 7]],
      entries: Object.entries({ 'X-One': 'a', 'x-many': ['b', 'c'], 'x-number': 7 }),
      map: new Map([['x-one', 'a'], ['x-many', ['b', 'c']], ['x-number', 7n]]),
      headers: new Headers([['x-one', 'a'], ['x-many', 'b'], ['x-many', 'c'], ['x-number', '7']]),
      params: new URLSearchParams('x-one=a&x-many=b&x-many=c&x-number=7'),
      iterator: [['x-one', 'a'], ['x-many', ['b', 'c']], ['x-number', 7]].values(),
      none: [],
      empty: {},
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
      nothing: () => request.respond(200, '', { name: null }),
      boolean: () => request.respond(200, '', { name: true }),
      object: () => request.respond(200, '', { name: {} }),
      nested: () => request.respond(200, '', { name: [['a']] }),
      text: () => request.respond(200, '', 'name: value'),
      number: () => request.respond(200, '', 7),
      odd: () => request.respond(200, '', ['name']),
      mixed: () => request.respond(200, '', [['a', 'b'], 'c', 'd']),
      single: () => request.respond(200, '', [['a']]),
      triple: () => request.respond(200, '', new Set([['a', 'b', 'c']])),
      bytes: () => request.respond(200, '', Buffer.from('ab')),
      unnamed: () => request.respond(200, '', [7, 'a']),
      symbol: () => request.respond(200, '', new Map([[Symbol('a'), 'a']])),
      blank: () => request.respond(200, 'x', { 'x-name': ' x' }),
      upgrade: () => request.writeHead(200, { Upgrade: 'h2c' }),
      trailer: () => request.respond(200, 'x', {}, { 'content-length': 1 }),
      code: () => request.reset(-1),
      fraction: () => request.reset(1.5),
      wideCode: () => request.reset(2 ** 32),
      idle: () => request.setIdle(-1),
      piece: () => request.writeHead(200).write(undefined),
      mark: () => request.writeHead(200).setHighWater(0),
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
  'GET /unfit/{what}': (request) => {
    const attempts = {
      connection: () => request.respond(200, 'x', { connection: 'close' }),
      length: () => request.respond(200, 'x', { 'content-length': 5 }),
      status: () => request.respond(204, 'x'),
      short: () => request.writeHead(200, { 'content-length': 5 }).end('x')
    }
    attempts[request.params.what]()
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
    await once(atClient, 'head')
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
  'POST /limit-caught': async (request) => {
    const error = await request.bytes({ limit: 10 }).catch((error) => error)
    request.respond(202, `${error.code} ${error.httpStatus} ${request.headSent}`)
  },
  'POST /json': async (request) => request.respond(200, JSON.stringify(await request.json())),
  'POST /json-caught': async (request) => {
    const error = await request.json().catch((error) => error)
    request.respond(200, `${error.name} ${error.code} ${error.cause?.name}`)
  },
  'POST /read/{first}/{second}': async (request) => {
    const ways = {
      bytes: () => request.bytes(),
      text: () => request.text(),
      loop: async () => { for await (const chunk of request.body) chunk.toString() },
      broken: async () => { for await (const chunk of request.body) if (chunk) break },
      next: async () => { while (!(await request.body.next()).done);  }
    }
    await ways[request.params.first]()
    const error = await ways[request.params.second]().then(() => null, (error) => error)
    request.respond(200, `${error?.name} ${error?.code}`)
  },
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
  server.on('error', (error) => failures.push(error))
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
  for (const form of ['flat', 'pairs', 'entries', 'map', 'headers', 'params', 'iterator']) {
    const { headers } = await send(client, `/forms/${form}`)
    assert.deepStrictEqual([headers['x-one'], headers['x-many'], headers['x-number']], ['a', 'b, c', '7'], form)
  }
  for (const form of ['none', 'empty', 'unknown']) assert.strictEqual((await send(client, `/forms/${form}`)).status, 200)
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

for (const what of [
  'status', 'name', 'value', 'wide', 'missing', 'nothing', 'boolean', 'object', 'nested', 'text', 'number', 'odd', 'mixed', 'single', 'triple', 'bytes',
  'unnamed', 'symbol', 'blank', 'upgrade', 'trailer', 'code', 'fraction', 'wideCode', 'idle', 'piece', 'mark', 'inform', 'trailers', 'body'
]) {
  test(`refused at once: ${what}`, async () => {
    assert.strictEqual((await send(client, `/refused/${what}`)).body, 'GOAWAY_ERR_INVALID')
  })
}

for (const what of ['early', 'unended']) {
  test(`refused at once: ${what}`, async () => {
    assert.strictEqual((await send(client, `/refused/${what}`)).body, 'GOAWAY_ERR_STATE')
  })
}

for (const [what, code, answer] of [
  ['connection', 'GOAWAY_ERR_INVALID', [500, 0]],
  ['length', 'GOAWAY_ERR_LENGTH', [500, 0]],
  ['status', 'GOAWAY_ERR_INVALID', [500, 0]],
  ['short', 'GOAWAY_ERR_LENGTH', [0, 2]] // the reset takes the head along
]) {
  test(`thrown where it is written, and the handler's failure: ${what}`, async () => {
    failures.length = 0
    const got = await send(client, `/unfit/${what}`)
    assert.deepStrictEqual([got.status, got.code], answer)
    assert.deepStrictEqual(failures.map((error) => error.code), [code])
    assert.match(failures[0].stack, /request\.test\.js/)
  })
}

test('an answer is given once', async () => {
  assert.strictEqual((await send(client, '/twice')).body, 'once')
})

test('a handler that fails: 500 before the head, a reset after it', async () => {
  failures.length = 0
  assert.strictEqual((await send(client, '/throws')).status, 500)
  assert.strictEqual((await send(client, '/rejects')).status, 500)
  const stream = client.request({ ':path': '/throws-late' })
  stream.on('error', () => {})
  const closed = new Promise((resolve) => stream.once('close', resolve))
  const [head] = await once(stream, 'response')
  atClient.emit('head')
  await closed
  assert.deepStrictEqual([head[':status'], stream.rstCode], [200, 2])
  assert.deepStrictEqual(failures.map((error) => error.message), ['thrown', 'rejected', 'thrown after the head'])
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
  // Not errors: nobody can be expected to catch in a timer that the peer has gone.
  assert.strictEqual(await request.write('x'), false)
  assert.deepStrictEqual([request.respond(200), request.end(), request.reset()], [false, false, false])
  assert.strictEqual(request.stream, 0)
})

test('a limit that is caught answers nothing by itself', async () => {
  const { status, body } = await send(client, '/limit-caught', { method: 'POST', body: 'x'.repeat(1000) })
  assert.deepStrictEqual([status, body], [202, 'GOAWAY_ERR_TOO_LARGE 413 false'])
})

test('what is no JSON is an error with a code, and 400 if nobody catches it', async () => {
  failures.length = 0
  assert.strictEqual((await send(client, '/json', { method: 'POST', body: '{"a": 1}' })).body, '{"a":1}')
  for (const body of ['{"a":', 'x']) assert.strictEqual((await send(client, '/json', { method: 'POST', body })).status, 400)
  assert.strictEqual((await send(client, '/json-caught', { method: 'POST', body: '{' })).body, 'GoawayError GOAWAY_ERR_INVALID SyntaxError')
  assert.deepStrictEqual(failures, []) // the peer's
})

test('a body is read once', async () => {
  for (const first of ['bytes', 'text', 'loop', 'broken', 'next']) {
    for (const second of ['bytes', 'text', 'loop']) {
      const { body } = await send(client, `/read/${first}/${second}`, { method: 'POST', body: 'some' })
      assert.strictEqual(body, 'GoawayError GOAWAY_ERR_STATE', `${first}, then ${second}`)
    }
  }
})

test('a value that reads as the name of a field is none', async () => {
  const answer = await send(client, '/json', { method: 'POST', headers: { 'x-name': 'expect' }, body: '1' })
  assert.deepStrictEqual([answer.status, answer.body], [200, '1'])
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
