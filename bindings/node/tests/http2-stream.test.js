'use strict'

// goaway/http2's streams, member by member.

const test = require('node:test')
const assert = require('node:assert')
const fs = require('node:fs')
const { AsyncLocalStorage } = require('node:async_hooks')
const { once } = require('node:events')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { inspect } = require('node:util')
const { connect, send, until } = require('./helpers.js')
const { createServer, constants, sensitiveHeaders } = require('../http2.js')

const file = join(fs.mkdtempSync(join(tmpdir(), 'goaway-test-')), 'file')
const CONTENT = Buffer.from(Array.from({ length: 200_000 }, (_, at) => at % 251))
fs.writeFileSync(file, CONTENT)

/** One request to a server whose 'stream' is `onStream`: what `send` resolves to. */
async function ask (onStream, request = {}, act) {
  const server = createServer({ drainMs: 1000, ...request.options })
  let failure = null
  server.on('stream', (...args) => {
    try {
      onStream(...args)
    } catch (error) {
      failure = error
      args[0].destroy()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  const answer = await (act ? act(client, server) : send(client, request.path ?? '/', request))
  client.close()
  await new Promise((resolve) => server.close(resolve))
  if (failure !== null) throw failure
  return answer
}

test('a request has its headers, and an answer its head', async () => {
  const { status, headers, body } = await ask((stream, headers, flags, raw) => {
    assert.strictEqual(Object.getPrototypeOf(headers), null)
    assert.strictEqual(headers[':method'], 'POST')
    assert.strictEqual(headers[':path'], '/a?b=c')
    assert.strictEqual(headers[':scheme'], 'http')
    assert.match(headers[':authority'], /^127\.0\.0\.1:\d+$/)
    assert.strictEqual(headers.twice, 'one, two')
    assert.strictEqual(headers.cookie, 'a=1; b=2')
    assert.deepStrictEqual(headers[sensitiveHeaders], ['cookie', 'cookie']) // Node.js's client never indexes short ones
    assert.strictEqual(flags, constants.NGHTTP2_FLAG_END_HEADERS)
    assert.strictEqual(raw[raw.indexOf('twice') + 1], 'one')
    assert.strictEqual(stream.id, 1)
    assert.strictEqual(stream.pending, false)
    assert.strictEqual(stream.headersSent, false)
    assert.strictEqual(stream.sentHeaders, undefined)
    assert.strictEqual(stream.endAfterHeaders, false)
    stream.respond({ ':status': 201, Upper: 'x', list: ['1', 2], skipped: undefined })
    assert.strictEqual(stream.headersSent, true)
    assert.strictEqual(stream.sentHeaders[':status'], 201)
    assert.strictEqual(typeof stream.sentHeaders.date, 'string')
    assert.deepStrictEqual(stream.sentHeaders.list, ['1', 2])
    assert.match(inspect(stream), /^ServerHttp2Stream \{/)
    stream.end('done')
  }, { path: '/a?b=c', method: 'POST', headers: { twice: ['one', 'two'], cookie: ['a=1', 'b=2'] }, body: '' })
  assert.strictEqual(status, 201)
  assert.strictEqual(body, 'done')
  assert.strictEqual(headers.upper, 'x')
  assert.strictEqual(headers.list, '1, 2')
  assert.ok('date' in headers)
  assert.ok(!('content-length' in headers) && !('skipped' in headers))
})

test('a stream that is closed behind its end, before its head, takes no head any more', async () => {
  const { status, code } = await ask((stream) => {
    stream.end()
    stream.close()
    assert.strictEqual(stream.closed, true)
    assert.throws(() => stream.respond({ ':status': 200 }), { code: 'ERR_HTTP2_INVALID_STREAM' })
  })
  assert.deepStrictEqual([status, code], [0, 0])
})

test('flat lists are headers too', async () => {
  const { headers } = await ask((stream) => {
    stream.respond([':status', 404, 'a', '1', 'a', '2', 'date', 'now'])
    assert.deepStrictEqual({ ...stream.sentHeaders }, { ':status': 404, a: ['1', '2'], date: 'now' })
    stream.end()
  })
  assert.strictEqual(headers[':status'], 404)
  assert.strictEqual(headers.a, '1, 2')
  assert.strictEqual(headers.date, 'now')
})

test('the date can be left out', async () => {
  const { headers } = await ask((stream) => {
    stream.respond({}, { sendDate: false })
    assert.ok(!('date' in stream.sentHeaders))
    stream.end('x')
  })
  assert.ok(!('date' in headers))
})

test('fields named as members of objects are fields', async () => {
  const fields = { constructor: 'a', ['__proto__']: 'b', tostring: 'c' } // eslint-disable-line no-useless-computed-key
  const { status } = await ask((stream, headers) => {
    assert.strictEqual(Object.getPrototypeOf(headers), null)
    for (const name in fields) assert.strictEqual(headers[name], fields[name])
    assert.deepStrictEqual(Object.keys(headers).slice(4), Object.keys(fields))
    assert.strictEqual(headers.hasOwnProperty, undefined)
    assert.match(inspect(headers), /^\[Object: null prototype\]/)
    stream.respond()
    stream.end()
  }, { headers: fields })
  assert.strictEqual(status, 200)
})

test('what cannot be sent is refused as node:http2 refuses it', () => ask((stream) => {
  const cases = [
    [() => stream.respond({ ':nonsense': 1 }), 'ERR_HTTP2_INVALID_PSEUDOHEADER'],
    [() => stream.respond({ connection: 'x' }), 'ERR_HTTP2_INVALID_CONNECTION_HEADERS'],
    [() => stream.respond({ te: 'gzip' }), 'ERR_HTTP2_INVALID_CONNECTION_HEADERS'],
    [() => stream.respond({ 'a b': 1 }), 'ERR_INVALID_HTTP_TOKEN'],
    [() => stream.respond({ 'content-type': ['a', 'b'] }), 'ERR_HTTP2_HEADER_SINGLE_VALUE'],
    [() => stream.respond({ 'content-type': 'a', 'Content-Type': 'b' }), 'ERR_HTTP2_HEADER_SINGLE_VALUE'],
    [() => stream.respond({ ':status': 99 }), 'ERR_HTTP2_STATUS_INVALID'],
    [() => stream.respond({ ':status': 101 }), 'ERR_HTTP2_STATUS_INVALID'],
    [() => stream.respond({ ':status': 600 }), 'ERR_HTTP2_STATUS_INVALID'],
    [() => stream.respond({ a: 'two\nlines' }), 'ERR_INVALID_CHAR'],
    [() => stream.respond({ a: '\u20ac' }), 'ERR_INVALID_CHAR'],
    [() => stream.respond('x'), 'ERR_INVALID_ARG_TYPE'],
    [() => stream.respond(null), 'ERR_INVALID_ARG_TYPE'],
    [() => stream.respond({}, 5), 'ERR_INVALID_ARG_TYPE'],
    [() => stream.respond({}, null), 'ERR_INVALID_ARG_TYPE'],
    [() => stream.additionalHeaders({ ':status': 99 }), 'ERR_HTTP2_INVALID_INFO_STATUS'],
    [() => stream.additionalHeaders({ ':status': 101 }), 'ERR_HTTP2_STATUS_101'],
    [() => stream.additionalHeaders({ ':status': 200 }), 'ERR_HTTP2_INVALID_INFO_STATUS'],
    [() => stream.additionalHeaders(5), 'ERR_INVALID_ARG_TYPE'],
    [() => stream.sendTrailers({}), 'ERR_HTTP2_TRAILERS_NOT_READY'],
    [() => stream.close('x'), 'ERR_INVALID_ARG_TYPE'],
    [() => stream.close(-1), 'ERR_OUT_OF_RANGE'],
    [() => stream.close(1.5), 'ERR_OUT_OF_RANGE'],
    [() => stream.close(0, 1), 'ERR_INVALID_ARG_TYPE'],
    [() => stream.setTimeout('x'), 'ERR_INVALID_ARG_TYPE'],
    [() => stream.setTimeout(-1), 'ERR_OUT_OF_RANGE'],
    [() => stream.setTimeout(1, 1), 'ERR_INVALID_ARG_TYPE'],
    [() => stream.respondWithFile(file, { ':status': 204 }), 'ERR_HTTP2_PAYLOAD_FORBIDDEN'],
    [() => stream.respondWithFile(file, {}, { offset: 'x' }), 'ERR_INVALID_ARG_VALUE'],
    [() => stream.respondWithFile(file, {}, { statCheck: 1 }), 'ERR_INVALID_ARG_VALUE'],
    [() => stream.respondWithFile(5), 'ERR_INVALID_ARG_TYPE'],
    [() => stream.respondWithFD('x'), 'ERR_INVALID_ARG_TYPE']
  ]
  for (const [act, code] of cases) assert.throws(act, { code }, act.toString())
  stream.respond()
  assert.throws(() => stream.respond(), { code: 'ERR_HTTP2_HEADERS_SENT' })
  assert.throws(() => stream.respondWithFile(file), { code: 'ERR_HTTP2_HEADERS_SENT' })
  assert.throws(() => stream.additionalHeaders({ ':status': 102 }), { code: 'ERR_HTTP2_HEADERS_AFTER_RESPOND' })
  stream.end()
  stream.once('close', () => {
    assert.throws(() => stream.respond(), { code: 'ERR_HTTP2_INVALID_STREAM' })
    assert.throws(() => stream.priority({}), { code: 'ERR_HTTP2_INVALID_STREAM' })
    assert.strictEqual(stream.session, undefined)
  })
}))

test('informational heads come first', async () => {
  const { informational, status } = await ask((stream) => {
    stream.additionalHeaders({ ':status': 103, link: '</a>' })
    stream.additionalHeaders({ ':status': 102 })
    assert.deepStrictEqual(stream.sentInfoHeaders.map((headers) => headers[':status']), [103, 102])
    stream.respond()
    stream.end()
  })
  assert.deepStrictEqual(informational.map((headers) => headers[':status']), [103, 102])
  assert.strictEqual(informational[0].link, '</a>')
  assert.strictEqual(status, 200)
})

test('trailers of both sides', async () => {
  const { trailers, body } = await ask((stream) => {
    stream.on('trailers', (headers, flags) => {
      assert.strictEqual(headers.sum, '5')
      assert.ok(flags & constants.NGHTTP2_FLAG_END_STREAM)
    })
    stream.on('wantTrailers', () => {
      assert.throws(() => stream.sendTrailers({ ':status': 200 }), { code: 'ERR_HTTP2_INVALID_PSEUDOHEADER' })
      stream.sendTrailers({ sum: 6 })
      assert.strictEqual(stream.sentTrailers.sum, 6)
      assert.throws(() => stream.sendTrailers({}), { code: 'ERR_HTTP2_TRAILERS_ALREADY_SENT' })
    })
    stream.respond({}, { waitForTrailers: true })
    stream.pipe(stream)
  }, {}, (client) => new Promise((resolve) => {
    const stream = client.request({ ':method': 'POST' }, { waitForTrailers: true })
    const answer = { body: '' }
    stream.on('wantTrailers', () => stream.sendTrailers({ sum: '5' }))
    stream.on('trailers', (trailers) => { answer.trailers = trailers })
    stream.on('data', (data) => { answer.body += data })
    stream.on('close', () => resolve(answer))
    stream.end('bytes')
  }))
  assert.strictEqual(body, 'bytes')
  assert.strictEqual(trailers.sum, '6')
})

test('without a listener the trailers that were announced are none', async () => {
  const { body, code } = await ask((stream) => {
    stream.respond({}, { waitForTrailers: true })
    stream.end('x')
  })
  assert.deepStrictEqual([body, code], ['x', 0])
})

test('HEAD, 204 and endStream have no body', async () => {
  const onStream = (options, headers) => (stream) => {
    stream.respond(headers, options)
    assert.strictEqual(stream.writableEnded, true)
  }
  const head = await ask(onStream({}, { 'content-length': 5 }), { method: 'HEAD' })
  assert.deepStrictEqual([head.status, head.headers['content-length'], head.body], [200, '5', ''])
  assert.strictEqual((await ask(onStream({}, { ':status': 204 }))).status, 204)
  assert.strictEqual((await ask(onStream({ endStream: true }))).body, '')
})

test('to write without a head sends one', async () => {
  assert.deepStrictEqual((({ status, body }) => [status, body])(await ask((stream) => stream.end('x'))), [200, 'x'])
})

test('an end before the head waits for it', async () => {
  const { status, headers } = await ask((stream) => {
    stream.end()
    setImmediate(() => stream.respond({ ':status': 500, 'x-late': '1' }))
  })
  assert.deepStrictEqual([status, headers['x-late']], [500, '1'])
})

test('what fails behind the end does not keep the stream open', async () => {
  const events = []
  const { status, body } = await ask((stream) => {
    stream.on('error', ({ code }) => events.push(code)).on('close', () => events.push('close'))
    stream.respond()
    stream.end('x'.repeat(70000))
    stream.write('more')
  })
  assert.deepStrictEqual([status, body.length], [200, 70000])
  await until(() => events.includes('close'), 'the end of the stream')
  assert.deepStrictEqual(events, ['ERR_STREAM_WRITE_AFTER_END', 'close'])
})

test('writes of each kind arrive in order', async () => {
  const { body } = await ask((stream) => {
    stream.respond()
    stream.cork()
    stream.write('a')
    stream.write(Buffer.from('b'))
    stream.write('63', 'hex')
    stream.uncork()
    stream.write('é', 'latin1')
    stream.write(new Uint8Array([100]))
    stream.end('€')
  })
  assert.strictEqual(Buffer.from(body).toString(), `abc${Buffer.from([0xe9])}d€`)
})

test('large bodies go both ways, at the pace of who reads', async () => {
  const sent = Buffer.alloc(3_000_000, 'abcdefghij')
  const { body } = await ask((stream) => {
    stream.respond()
    stream.pipe(stream)
  }, { method: 'POST', body: sent })
  assert.strictEqual(body, sent.toString())
})

test('a peer that does not read holds up the writer', async () => {
  const { length } = await ask((stream) => {
    stream.respond()
    let wrote = 0
    const write = () => {
      while (wrote < 2_000_000) {
        wrote += 10_000
        if (!stream.write(Buffer.alloc(10_000))) return stream.once('drain', write)
      }
      stream.end()
    }
    write()
    assert.ok(wrote < 1_000_000, `${wrote} bytes were taken at once`)
    assert.ok(stream.bufferSize > 0)
  }, {}, (client) => new Promise((resolve) => {
    const stream = client.request({})
    let length = 0
    stream.once('response', () => setTimeout(() => stream.on('data', (data) => { length += data.length }), 30))
    stream.on('close', () => resolve({ length }))
  }))
  assert.strictEqual(length, 2_000_000)
})

test('a body that is read after the answer has ended is whole', async () => {
  const parts = []
  await ask((stream) => {
    stream.on('data', (data) => parts.push(String(data)))
    stream.respond()
    stream.end('at once')
  }, {}, async (client) => {
    const stream = client.request({ ':method': 'POST' })
    stream.write('one')
    stream.resume()
    await once(stream, 'end')
    stream.end(' two')
    // A client that closes sooner may drop what it has not sent.
    await until(() => parts.join('') === 'one two', 'the body')
  })
})

test('a body that nobody reads does not hold up the end', async () => {
  const { status } = await ask((stream) => {
    stream.respond({ ':status': 413 })
    stream.end()
  }, { method: 'POST', body: Buffer.alloc(500_000) })
  assert.strictEqual(status, 413)
})

test('reset by the peer: aborted, and no error for CANCEL', async () => {
  const seen = []
  await ask((stream) => {
    for (const name of ['aborted', 'error', 'close']) stream.on(name, () => seen.push(name))
    stream.on('close', () => seen.push(stream.rstCode, stream.aborted, stream.closed, stream.destroyed))
    stream.respond()
    stream.write('x')
  }, {}, async (client) => {
    const stream = client.request({})
    stream.once('data', () => stream.close(constants.NGHTTP2_CANCEL))
    await once(stream, 'close')
    await until(() => seen.length === 6, 'the end')
  })
  assert.deepStrictEqual(seen, ['aborted', 'close', 8, true, true, true])
})

test('reset by the peer with another code: an error', async () => {
  let failure
  await ask((stream) => {
    stream.on('error', (error) => { failure = error })
    stream.respond()
    stream.write('x')
  }, {}, async (client) => {
    const stream = client.request({})
    stream.on('error', () => {})
    stream.once('data', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
    await until(() => failure !== undefined, 'the error')
  })
  assert.strictEqual(failure.code, 'ERR_HTTP2_STREAM_ERROR')
  assert.strictEqual(failure.message, 'Stream closed with error code NGHTTP2_INTERNAL_ERROR')
})

test('the connection is lost: aborted with CANCEL', async () => {
  let code
  await ask((stream) => stream.on('aborted', () => { code = stream.rstCode }), {}, async (client, server) => {
    client.request({}).on('error', () => {})
    await until(() => server.sessions[0]?.info()?.openStreams === 1, 'the stream')
    client.destroy()
    await until(() => code !== undefined, 'the end')
  })
  assert.strictEqual(code, constants.NGHTTP2_CANCEL)
})

test('close and destroy tell the peer the code, after what was written', async () => {
  const closed = await ask((stream) => {
    stream.respond()
    stream.write('some')
    stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM)
    stream.on('error', () => {})
  })
  assert.deepStrictEqual([closed.status, closed.body, closed.code], [200, 'some', constants.NGHTTP2_ENHANCE_YOUR_CALM])
  const destroyed = await ask((stream) => {
    stream.on('error', () => {})
    stream.destroy(new Error('failed'))
  })
  assert.strictEqual(destroyed.code, constants.NGHTTP2_INTERNAL_ERROR)
  let calls = 0
  const refused = await ask((stream) => {
    stream.on('error', () => {})
    stream.close(constants.NGHTTP2_REFUSED_STREAM, () => calls++)
  })
  assert.deepStrictEqual([refused.code, calls], [constants.NGHTTP2_REFUSED_STREAM, 1])
})

test("'timeout' comes without activity", async () => {
  const { body } = await ask((stream) => {
    assert.strictEqual(stream.setTimeout(20, () => stream.end('late')), stream)
    stream.respond()
  })
  assert.strictEqual(body, 'late')
})

test('files are answers, whole or in part', async () => {
  const whole = await ask((stream) => stream.respondWithFile(file, { 'x-a': 'b' }))
  assert.strictEqual(whole.headers['content-length'], String(CONTENT.length))
  assert.strictEqual(whole.body, CONTENT.toString())
  const part = await ask((stream) => stream.respondWithFile(file, {}, {
    offset: 10,
    length: 5,
    statCheck (stat, headers, range) {
      assert.deepStrictEqual({ ...range }, { offset: 10, length: 5 })
      headers['x-size'] = stat.size
    }
  }))
  assert.strictEqual(part.headers['x-size'], String(CONTENT.length))
  assert.strictEqual(part.body, CONTENT.subarray(10, 15).toString())
  const checked = await ask((stream) => stream.respondWithFile(file, {}, {
    statCheck () {
      this.respond({ ':status': 304 })
      return false
    }
  }))
  assert.strictEqual(checked.status, 304)
})

test('files that are not there, and directories', async () => {
  const missing = await ask((stream) => stream.respondWithFile(`${file}.none`, {}, {
    onError (error) {
      stream.respond({ ':status': error.code === 'ENOENT' ? 404 : 500 })
      stream.end()
    }
  }))
  assert.strictEqual(missing.status, 404)
  let failure
  const directory = await ask((stream) => {
    stream.on('error', (error) => { failure = error })
    stream.respondWithFile(tmpdir())
  })
  assert.strictEqual(failure.code, 'ERR_HTTP2_SEND_FILE')
  assert.strictEqual(directory.code, constants.NGHTTP2_INTERNAL_ERROR)
})

test('descriptors are answers, and stay open', async () => {
  const fd = fs.openSync(file)
  const answer = await ask((stream) => {
    stream.on('wantTrailers', () => stream.sendTrailers({ end: 'yes' }))
    stream.respondWithFD(fd, {}, { offset: 3, length: 4, waitForTrailers: true })
  })
  assert.strictEqual(answer.body, CONTENT.subarray(3, 7).toString())
  assert.strictEqual(answer.trailers.end, 'yes')
  fs.fstatSync(fd)
  fs.closeSync(fd)
  const handle = await fs.promises.open(file)
  const { body } = await ask((stream) => stream.respondWithFD(handle, {}, { length: 4 }))
  assert.strictEqual(body, CONTENT.subarray(0, 4).toString())
  await handle.close()
})

test('a header section that is too long is a frameError', async () => {
  let told
  const { code } = await ask((stream) => {
    stream.on('frameError', (...args) => { told = args })
    stream.on('error', () => {})
    stream.respond({ long: 'x'.repeat(300) })
  }, { options: { maxSendHeaderBlockLength: 200 } })
  assert.deepStrictEqual(told, [1, constants.NGHTTP2_FRAME_SIZE_ERROR, 1])
  assert.strictEqual(code, constants.NGHTTP2_FRAME_SIZE_ERROR)
})

test('secrets are never indexed', async () => {
  const { headers } = await ask((stream) => {
    stream.respond({ secret: 'a', open: 'b', cookie: 'short', [sensitiveHeaders]: ['Secret'] })
    stream.end()
  })
  assert.deepStrictEqual(headers[sensitiveHeaders], ['secret', 'cookie'])
})

test('secrets of a list are never indexed', async () => {
  let sent
  const { headers } = await ask((stream) => {
    const list = ['secret', 'a', 'open', 'b', 'Secret', 'c']
    list[sensitiveHeaders] = ['Secret']
    stream.respond(list)
    stream.end()
    sent = stream.sentHeaders
  })
  assert.deepStrictEqual(headers[sensitiveHeaders], ['secret', 'secret'])
  assert.deepStrictEqual(sent[sensitiveHeaders], ['Secret'])
})

test('fields of a list leave in its order', async () => {
  const { raw } = await ask((stream) => {
    stream.respond(['x', '1', 'x-FOO', 'bar', 'x', '2'], { sendDate: false })
    stream.end()
  }, {}, (client) => new Promise((resolve, reject) => {
    const request = client.request({ ':path': '/' })
    request.on('response', (headers, flags, raw) => resolve({ raw }))
    request.on('error', reject)
    request.resume()
  }))
  assert.deepStrictEqual(raw, [':status', '200', 'x', '1', 'x-foo', 'bar', 'x', '2'])
})

test('a request whose head ends it says so', async () => {
  await ask((stream) => {
    assert.strictEqual(stream.endAfterHeaders, true)
    stream.respond()
    stream.end()
  })
})

test('a tunnel carries bytes both ways (CONNECT)', async () => {
  const { body, status } = await ask((stream, headers) => {
    assert.strictEqual(headers[':method'], 'CONNECT')
    assert.strictEqual(headers[':authority'], 'example.org:80')
    assert.ok(!(':path' in headers) && !(':scheme' in headers))
    stream.respond()
    stream.pipe(stream)
  }, {}, (client) => new Promise((resolve) => {
    const stream = client.request({ ':method': 'CONNECT', ':authority': 'example.org:80' })
    const answer = { body: '' }
    stream.on('response', (headers) => { answer.status = headers[':status'] })
    stream.on('data', (data) => { answer.body += data })
    stream.on('close', () => resolve(answer))
    stream.end('through')
  }))
  assert.deepStrictEqual([status, body], [200, 'through'])
})

test('what a listener enters does not reach other streams', async () => {
  const storage = new AsyncLocalStorage()
  const seen = []
  await ask((stream, headers) => {
    seen.push(storage.getStore())
    storage.enterWith(headers[':path'])
    stream.respond()
    stream.end()
  }, {}, (client) => Promise.all(Array.from({ length: 20 }, (_, number) => send(client, `/${number}`))))
  assert.deepStrictEqual(seen, new Array(20).fill(undefined))
})

test('a stream pushes others', async () => {
  const seen = await ask((stream) => {
    assert.strictEqual(stream.pushAllowed, true)
    assert.throws(() => stream.pushStream('x', () => {}), { code: 'ERR_INVALID_ARG_TYPE' })
    assert.throws(() => stream.pushStream({}, 5), { code: 'ERR_INVALID_ARG_TYPE' })
    stream.pushStream({ ':path': '/style', 'x-for': 'you' }, (error, pushed, headers) => {
      assert.strictEqual(error, null)
      assert.strictEqual(headers[':path'], '/style')
      assert.strictEqual(headers[':method'], 'GET')
      assert.throws(() => pushed.pushStream({}, () => {}), { code: 'ERR_HTTP2_NESTED_PUSH' })
      pushed.respond({ 'content-type': 'text/css' })
      pushed.end('body {}')
      stream.respond()
      stream.end('page')
    })
  }, {}, (client) => new Promise((resolve) => {
    const seen = {}
    const next = () => { if (++seen.closed === 2) resolve(seen) }
    seen.closed = 0
    client.on('stream', (pushed, headers) => {
      seen.promised = headers
      seen.style = ''
      pushed.on('push', (answer) => { seen.answer = answer })
      pushed.on('data', (data) => { seen.style += data })
      pushed.on('close', next)
    })
    const stream = client.request({})
    seen.page = ''
    stream.on('data', (data) => { seen.page += data })
    stream.on('close', next)
  }))
  assert.strictEqual(seen.promised['x-for'], 'you')
  assert.strictEqual(seen.answer['content-type'], 'text/css')
  assert.deepStrictEqual([seen.style, seen.page], ['body {}', 'page'])
})

test('write says false by the mark of the stream and what was written in the turn', async () => {
  const said = []
  const lengths = []
  const { body } = await ask((stream) => {
    stream.respond()
    const before = stream.writableHighWaterMark
    while (said.length * 1000 < before * 2) {
      said.push(stream.write('x'.repeat(1000)))
      lengths.push(stream.writableLength)
    }
    stream.once('drain', () => {
      said.push(stream.write('x'))
      stream.end()
    })
  })
  assert.strictEqual(body.length, (said.length - 1) * 1000 + 1)
  const full = said.indexOf(false)
  assert.ok(full > 10 && said.slice(full, -1).every((room) => !room), said.join())
  assert.ok(lengths[full - 1] < lengths[full], 'it counts')
  assert.strictEqual(said.at(-1), true)
})
