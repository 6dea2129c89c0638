'use strict'

// The compatibility API member by member: what a request and a response say and
// do, and in which order it is told how they end.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const { Readable, Stream, pipeline } = require('node:stream')
const http2 = require('../http2.js')
const { connect, send } = require('./helpers.js')

/** A server whose requests `handler` gets, and a client of it. */
async function serve (t, handler, options) {
  const server = http2.createServer(options, handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  t.after(() => {
    client.destroy()
    server.close({ drainMs: 0 })
  })
  return { server, client }
}

/** Calls `act(request, response)` in a handler; gives the answer, and throws what it threw. */
async function within (t, act, options = {}) {
  let failed
  const { client, server } = await serve(t, async (request, response) => {
    try {
      await act(request, response, server)
    } catch (error) {
      failed = error
    }
    if (!response.writableEnded) response.end()
  }, options.server)
  const answer = await send(client, options.path ?? '/', options)
  if (failed !== undefined) throw failed
  return answer
}

test('a request says what came', async (t) => {
  await within(t, (request, response) => {
    assert.ok(request instanceof http2.Http2ServerRequest)
    assert.ok(request instanceof Readable)
    assert.strictEqual(request.method, 'GET')
    assert.strictEqual(request.url, '/path?query')
    assert.strictEqual(request.scheme, 'http')
    assert.strictEqual(request.authority, request.headers[':authority'])
    assert.match(request.authority, /^127\.0\.0\.1:\d+$/)
    assert.deepStrictEqual([request.httpVersion, request.httpVersionMajor, request.httpVersionMinor], ['2.0', 2, 0])
    assert.strictEqual(request.headers['x-one'], '1, 2')
    const at = request.rawHeaders.indexOf('x-one')
    assert.deepStrictEqual(request.rawHeaders.slice(at, at + 4), ['x-one', '1', 'x-one', '2'])
    assert.deepStrictEqual([request.trailers, request.rawTrailers], [{}, []])
    assert.deepStrictEqual([request.aborted, request.complete], [false, false])
    assert.strictEqual(request.stream, response.stream)
    assert.strictEqual(response.req, request)
    assert.strictEqual(Object.getPrototypeOf(request.headers), null)
  }, { path: '/path?query', headers: { 'x-one': ['1', '2'] } })
})

test('method and url can be set, but not to nonsense', async (t) => {
  await within(t, (request) => {
    request.url = '/other'
    request.method = 'PATCH'
    assert.deepStrictEqual([request.url, request.method], ['/other', 'PATCH'])
    assert.strictEqual(request.headers[':path'], '/')
    assert.throws(() => { request.method = 1 }, { code: 'ERR_INVALID_ARG_TYPE' })
    assert.throws(() => { request.method = ' ' }, { code: 'ERR_INVALID_ARG_VALUE' })
  })
})

test('what the program does to the headers is seen by url and method', async (t) => {
  await within(t, (request) => {
    request.headers[':path'] = '/changed'
    assert.strictEqual(request.url, '/changed')
    delete request.headers[':method']
    assert.strictEqual(request.method, undefined)
  })
})

test('a body is read with its trailers', async (t) => {
  const { client } = await serve(t, async (request, response) => {
    let body = ''
    for await (const piece of request.setEncoding('utf8')) body += piece
    response.end(JSON.stringify({ body, trailers: request.trailers, raw: request.rawTrailers, complete: request.complete }))
  })
  const stream = client.request({ ':method': 'POST' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': ['1', '2'] }))
  stream.end('the body')
  let text = ''
  for await (const piece of stream.setEncoding('utf8')) text += piece
  assert.deepStrictEqual(JSON.parse(text), { body: 'the body', trailers: { 'x-sum': '1, 2' }, raw: ['x-sum', '1', 'x-sum', '2'], complete: true })
})

test('a large body goes through pipe, as fast as it is read', async (t) => {
  const { client } = await serve(t, (request, response) => pipeline(request, response, () => {}))
  const body = 'a piece of it '.repeat(200_000)
  assert.strictEqual((await send(client, '/', { method: 'POST', body })).body, body)
})

test('a body that nobody reads does not keep the answer', async (t) => {
  const { client } = await serve(t, (request, response) => response.writeHead(413).end('too much'))
  const answer = await send(client, '/', { method: 'POST', body: 'x'.repeat(300_000) })
  assert.deepStrictEqual([answer.status, answer.body], [413, 'too much'])
})

test('a destroyed request can still be answered', async (t) => {
  const { client } = await serve(t, (request, response) => {
    request.on('error', () => {})
    request.once('data', () => {
      request.destroy(new Error('too much'))
      response.writeHead(413).end('too much')
    })
  })
  const answer = await send(client, '/', { method: 'POST', body: 'x'.repeat(600_000) })
  assert.deepStrictEqual([answer.status, answer.body], [413, 'too much'])
})

test('fields of an answer', async (t) => {
  const answer = await within(t, (request, response) => {
    assert.ok(response instanceof http2.Http2ServerResponse)
    assert.ok(response instanceof Stream)
    assert.strictEqual(response.setHeader('X-One', '1'), response)
    response.setHeader('x-two', ['2', '3'])
    response.appendHeader('x-two', '4')
    response.appendHeader('x-new', 5)
    response.setHeader('x-gone', 'gone')
    response.removeHeader('X-Gone')
    assert.strictEqual(response.getHeader('x-ONE'), '1')
    assert.strictEqual(response.hasHeader('x-gone'), false)
    assert.deepStrictEqual(response.getHeaderNames(), ['x-one', 'x-two', 'x-new'])
    assert.deepStrictEqual({ ...response.getHeaders() }, { 'x-one': '1', 'x-two': ['2', '3', '4'], 'x-new': 5 })
    response.statusCode = 201
  })
  assert.strictEqual(answer.status, 201)
  assert.deepStrictEqual([answer.headers['x-one'], answer.headers['x-two'], answer.headers['x-new']], ['1', '2, 3, 4', '5'])
  assert.ok(answer.headers.date)
})

test('fields that cannot be are refused', async (t) => {
  await within(t, (request, response) => {
    assert.throws(() => response.setHeader(1, 'x'), { code: 'ERR_INVALID_ARG_TYPE' })
    assert.throws(() => response.setHeader('a b', 'x'), { code: 'ERR_INVALID_HTTP_TOKEN' })
    assert.throws(() => response.setHeader(':status', 'x'), { code: 'ERR_HTTP2_PSEUDOHEADER_NOT_ALLOWED' })
    assert.throws(() => response.setHeader('x', null), { code: 'ERR_HTTP2_INVALID_HEADER_VALUE' })
    assert.throws(() => response.appendHeader('x'), { code: 'ERR_HTTP2_INVALID_HEADER_VALUE' })
    assert.throws(() => response.setTrailer(':x', 'x'), { code: 'ERR_HTTP2_PSEUDOHEADER_NOT_ALLOWED' })
    assert.throws(() => { response.statusCode = 100 }, { code: 'ERR_HTTP2_INFO_STATUS_NOT_ALLOWED' })
    assert.throws(() => { response.statusCode = 600 }, { code: 'ERR_HTTP2_STATUS_INVALID' })
    assert.throws(() => response.writeHead(200, ['a', 'b', 'c']), { code: 'ERR_INVALID_ARG_VALUE' })
    assert.strictEqual(response.headersSent, false)
  })
})

test('after a refused field there can be another answer', async (t) => {
  const answer = await within(t, (request, response) => {
    response.setHeader('upgrade', 'h2c')
    assert.throws(() => response.end('never'), { code: 'ERR_HTTP2_INVALID_CONNECTION_HEADERS' })
    assert.deepStrictEqual([response.writableEnded, response.headersSent], [false, false])
    response.removeHeader('upgrade')
    response.writeHead(500).end('instead')
  })
  assert.deepStrictEqual([answer.status, answer.body], [500, 'instead'])
})

test('the connection field of HTTP/1 is left out, with a warning', async (t) => {
  const warned = once(process, 'warning')
  const answer = await within(t, (request, response) => response.writeHead(200, { connection: 'close', 'x-other': '1' }))
  assert.deepStrictEqual([answer.headers.connection, answer.headers['x-other']], [undefined, '1'])
  assert.strictEqual((await warned)[0].name, 'UnsupportedWarning')
})

test('writeHead takes an object, a flat list or pairs, before what was set', async (t) => {
  for (const headers of [{ 'x-a': ['1', '2'] }, ['x-a', '1', 'X-A', '2'], [['x-a', '1'], ['x-a', '2']]]) {
    const answer = await within(t, (request, response) => {
      response.setHeader('x-a', 'before')
      response.setHeader('x-b', 'stays')
      assert.strictEqual(response.writeHead(202, headers), response)
      assert.strictEqual(response.headersSent, true)
      assert.throws(() => response.writeHead(200), { code: 'ERR_HTTP2_HEADERS_SENT' })
      assert.throws(() => response.setHeader('x-c', '1'), { code: 'ERR_HTTP2_HEADERS_SENT' })
      assert.strictEqual(response.stream.sentHeaders[':status'], 202)
    })
    assert.deepStrictEqual([answer.status, answer.headers['x-a'], answer.headers['x-b']], [202, '1, 2', 'stays'])
  }
})

test('an answer without a date, or with one of its own', async (t) => {
  const none = await within(t, (request, response) => { response.sendDate = false })
  assert.strictEqual(none.headers.date, undefined)
  const own = await within(t, (request, response) => { response.setHeader('date', 'today') })
  assert.strictEqual(own.headers.date, 'today')
})

test('what is written comes, in its encoding', async (t) => {
  const answer = await within(t, (request, response) => {
    response.write('616263', 'hex')
    response.write(Buffer.from('-'))
    response.write(new Uint8Array([0x41, 0x42]))
    response.end('ÿ', 'latin1')
  })
  assert.strictEqual(answer.body, Buffer.from('abc-AB\xff', 'latin1').toString())
})

test('write and end tell when they are done, also without arguments between', async (t) => {
  const order = []
  let closed
  const over = new Promise((resolve) => { closed = resolve })
  const { client } = await serve(t, (request, response) => {
    response.on('finish', () => order.push('finish'))
    response.on('close', () => {
      order.push('close')
      closed()
    })
    response.write('a', () => order.push('write'))
    response.end('b', () => order.push('end'))
    assert.deepStrictEqual([response.writableEnded, response.finished], [true, true])
    assert.strictEqual(response.end(() => order.push('end again')), response)
  })
  assert.strictEqual((await send(client, '/')).body, 'ab')
  await over
  assert.deepStrictEqual(order.slice().sort(), ['close', 'end', 'end again', 'finish', 'write'])
  assert.deepStrictEqual(order.slice(-2), ['finish', 'close'])
})

test('a write after the end is an error of that write', async (t) => {
  let told
  const code = new Promise((resolve) => { told = resolve })
  const { client } = await serve(t, (request, response) => {
    response.end('whole')
    response.write('late', (error) => told(error.code))
  })
  const answer = await send(client, '/')
  assert.strictEqual(await code, 'ERR_STREAM_WRITE_AFTER_END')
  assert.strictEqual(answer.body, 'whole')
})

test('what is no piece of a body is refused before anything is sent', async (t) => {
  const answer = await within(t, (request, response) => {
    assert.throws(() => response.end(5), { code: 'ERR_INVALID_ARG_TYPE' })
    response.end('good')
  })
  assert.strictEqual(answer.body, 'good')
})

test('answers that have no body get none', async (t) => {
  for (const [status, method] of [[204, 'GET'], [205, 'GET'], [304, 'GET'], [200, 'HEAD']]) {
    let ended
    const told = new Promise((resolve) => { ended = resolve })
    const { client } = await serve(t, (request, response) => {
      response.writeHead(status)
      assert.strictEqual(response.write('nothing'), false)
      response.end('of this', ended)
    })
    const answer = await send(client, '/', { method })
    assert.deepStrictEqual([answer.status, answer.body, answer.code], [status, '', 0])
    await told
  }
})

test('a status that is set behind the head changes nothing of the response', async (t) => {
  for (const [first, second, body] of [[200, 204, 'all of this'], [200, 205, 'all of this'], [200, 304, 'all of this'], [204, 200, '']]) {
    const { client } = await serve(t, (request, response) => {
      response.writeHead(first)
      response.statusCode = second
      response.write('all of ')
      setImmediate(() => response.end('this'))
    })
    const answer = await send(client, '/')
    assert.deepStrictEqual([answer.status, answer.body, answer.code], [first, body, 0])
  }
})

test('a head that the stream has sent says whether there is a body', async (t) => {
  for (const [status, body] of [[200, 'body'], [204, '']]) {
    const { client } = await serve(t, (request, response) => {
      response.stream.respond({ ':status': status })
      response.end('body')
    })
    const answer = await send(client, '/')
    assert.deepStrictEqual([answer.status, answer.body, answer.code], [status, body, 0])
  }
})

test('what is piped to an answer without a body is left out, and the pipe succeeds', async (t) => {
  const sources = [
    () => Readable.from(['of', 'this']),
    () => Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(20_000))),
    () => fs.createReadStream(__filename),
    async function * () {
      yield 'later'
      await new Promise(setImmediate)
      yield 'nothing'
    }
  ]
  for (const [status, method] of [[204, 'GET'], [205, 'GET'], [304, 'GET'], [200, 'HEAD']]) {
    for (const source of sources) {
      let handled
      const outcome = new Promise((resolve) => { handled = resolve })
      const { client } = await serve(t, (request, response) => {
        response.statusCode = status
        const closed = once(response, 'close')
        pipeline(source(), response, (error) => closed.then(() => handled(error)))
      })
      const answer = await send(client, '/', { method })
      assert.deepStrictEqual([answer.status, answer.body, answer.code], [status, '', 0])
      assert.ifError(await outcome)
    }
  }
})

test('a pipe to an answer without a body ends with its connection', async (t) => {
  const endless = new Readable({ read () { setImmediate(() => this.push('more')) } })
  let closed
  const told = new Promise((resolve) => { closed = resolve })
  const { client } = await serve(t, (request, response) => {
    response.once('close', closed)
    endless.pipe(response)
  })
  assert.strictEqual((await send(client, '/', { method: 'HEAD' })).status, 200)
  client.destroy()
  await told
  endless.destroy()
})

test('trailers', async (t) => {
  const whole = await within(t, (request, response) => {
    response.addTrailers({ 'X-Sum': 1 })
    response.setTrailer('x-more', '2')
    response.end('body')
  })
  assert.deepStrictEqual([whole.body, whole.trailers['x-sum'], whole.trailers['x-more']], ['body', '1', '2'])
  const streamed = await within(t, (request, response) => {
    response.write('bo')
    response.setTrailer('x-sum', '1')
    response.end('dy')
  })
  assert.deepStrictEqual([streamed.body, streamed.trailers['x-sum']], ['body', '1'])
  const alone = await within(t, (request, response) => {
    response.setTrailer('x-sum', '1')
    response.end()
  })
  assert.deepStrictEqual([alone.body, alone.trailers['x-sum']], ['', '1'])
})

test('informational heads, as long as it is not too late', async (t) => {
  const answer = await within(t, (request, response) => {
    assert.strictEqual(response.writeEarlyHints({ link: ['</a.css>; rel=preload', '</b.js>; rel=preload'], 'x-hint': '1' }), true)
    assert.strictEqual(response.writeEarlyHints({ link: [] }), false)
    assert.strictEqual(response.writeInformation(110, { 'x-progress': '1' }), true)
    assert.strictEqual(response.writeInformation(102), true)
    for (const status of [99, 101, 200, '102', NaN]) {
      assert.throws(() => response.writeInformation(status), { code: 'ERR_HTTP2_STATUS_INVALID' })
    }
    for (const headers of ['no', ['no']]) {
      assert.throws(() => response.writeInformation(102, headers), { code: 'ERR_INVALID_ARG_TYPE' })
    }
    assert.throws(() => response.writeEarlyHints('no'), { code: 'ERR_INVALID_ARG_TYPE' })
    assert.throws(() => response.writeEarlyHints({ link: 'no' }), { code: 'ERR_INVALID_ARG_VALUE' })
    response.flushHeaders()
    assert.strictEqual(response.headersSent, true)
    assert.strictEqual(response.writeContinue(), false)
    assert.strictEqual(response.writeEarlyHints({ link: '</a.css>; rel=preload' }), false)
  })
  assert.deepStrictEqual(answer.informational.map((head) => head[':status']), [103, 110, 102])
  assert.strictEqual(answer.informational[1]['x-progress'], '1')
  assert.strictEqual(answer.informational[0].link, '</a.css>; rel=preload, </b.js>; rel=preload')
  assert.strictEqual(answer.informational[0]['x-hint'], '1')
})

test('an expectation is met, left to the program, or refused', async (t) => {
  const { client, server } = await serve(t, (request, response) => response.end('served'))
  const expecting = (expect) => send(client, '/', { method: 'POST', headers: { expect }, body: 'body' })
  const met = await expecting('100-continue')
  assert.strictEqual(met.body, 'served')
  assert.strictEqual((await expecting('something')).status, 417)
  server.once('checkContinue', (request, response) => response.writeHead(403).end('no'))
  assert.strictEqual((await expecting('100-continue')).status, 403)
  server.once('checkExpectation', (request, response) => response.end('as you like'))
  assert.strictEqual((await expecting('something')).body, 'as you like')
})

test('the peer that leaves: aborted, then closed, each once', async (t) => {
  const told = []
  let over
  const closed = new Promise((resolve) => { over = resolve })
  const { client } = await serve(t, (request, response) => {
    for (const event of ['aborted', 'close']) request.on(event, () => told.push(`request ${event}`))
    for (const event of ['finish', 'close']) response.on(event, () => told.push(`response ${event}`))
    response.on('close', () => over([request.aborted, request.complete, response.socket]))
    response.write('a beginning')
    client.destroy()
  })
  send(client, '/').catch(() => {})
  assert.deepStrictEqual(await closed, [true, true, undefined])
  assert.deepStrictEqual(told, ['request aborted', 'request close', 'response finish', 'response close'])
})

test('a destroyed response is a reset for the peer', async (t) => {
  const { client } = await serve(t, (request, response) => {
    response.write('a beginning')
    response.destroy(new Error('broken'))
    response.destroy(new Error('again'))
    assert.strictEqual(response.write('more'), false)
  })
  assert.strictEqual((await send(client, '/')).code, http2.constants.NGHTTP2_INTERNAL_ERROR)
})

test('who waits for the end without reading gets it', async (t) => {
  let ended
  const end = new Promise((resolve) => { ended = resolve })
  const { client } = await serve(t, (request, response) => {
    request.on('end', ended)
    response.end('answered')
  })
  assert.strictEqual((await send(client, '/')).body, 'answered')
  await end
})

test('times are told to request and response', async (t) => {
  const { client } = await serve(t, (request, response) => {
    const told = []
    request.on('timeout', () => told.push('request'))
    assert.strictEqual(response.setTimeout(20, () => response.end(told.join())), response)
  })
  assert.strictEqual((await send(client, '/')).body, 'request')
})

test('the socket stands for the connection, and cannot be written to', async (t) => {
  await within(t, (request, response) => {
    const { socket } = request
    assert.ok(socket instanceof net.Socket)
    assert.strictEqual(socket, response.socket)
    assert.strictEqual(socket, request.connection)
    assert.strictEqual(socket.remoteAddress, '127.0.0.1')
    assert.ok(socket.remotePort > 0)
    assert.deepStrictEqual([socket.destroyed, socket.readable, socket.writable], [false, true, true])
    for (const name of ['read', 'write', 'pause', 'resume']) {
      assert.throws(() => socket[name], { code: 'ERR_HTTP2_NO_SOCKET_MANIPULATION' })
      assert.throws(() => { socket[name] = null }, { code: 'ERR_HTTP2_NO_SOCKET_MANIPULATION' })
    }
    // Frameworks call these before they stream events, such as NestJS for @Sse().
    for (const name of ['setKeepAlive', 'setNoDelay', 'ref', 'unref']) {
      assert.ok(socket[name](true) instanceof net.Socket, name)
    }
    assert.strictEqual(socket.server, response.stream.session.server)
    assert.throws(() => response.stream.session.socket.setKeepAlive, { code: 'ERR_HTTP2_NO_SOCKET_MANIPULATION' })
    let told = 0
    socket.once('mine', () => told++)
    request.stream.emit('mine')
    assert.strictEqual(told, 1)
  })
})

test('classes of the program', async (t) => {
  class MyRequest extends http2.Http2ServerRequest {
    get path () { return this.url.slice(1) }
  }
  class MyResponse extends http2.Http2ServerResponse {
    say (text) { this.setHeader('x-said', text).end(text) }
  }
  const answer = await within(t, (request, response) => response.say(request.path), {
    path: '/hello',
    server: { Http2ServerRequest: MyRequest, Http2ServerResponse: MyResponse }
  })
  assert.deepStrictEqual([answer.body, answer.headers['x-said']], ['hello', 'hello'])
})

test('stream and request listeners both get a request', async (t) => {
  const { client, server } = await serve(t, (request, response) => response.end('from request'))
  let fields
  server.on('stream', (stream, headers, flags, raw) => { fields = [headers[':path'], raw.includes(':path')] })
  assert.strictEqual((await send(client, '/both')).body, 'from request')
  assert.deepStrictEqual(fields, ['/both', true])
})

test('cork and what waits', async (t) => {
  const answer = await within(t, (request, response) => {
    response.cork()
    response.write('one ')
    response.write('two')
    assert.deepStrictEqual([response.writableCorked, response.writableLength], [1, 7])
    response.uncork()
    assert.deepStrictEqual([response.writableCorked, response.writableLength], [0, 7])
    assert.ok(response.writableHighWaterMark > 0)
    response.end()
  })
  assert.strictEqual(answer.body, 'one two')
})

test('an authority that is named by `host` only is no `:authority`', async () => {
  const server = http2.createServer()
  const asked = once(server, 'request')
  server.on('request', (request, response) => response.end())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  await send(client, '/', { headers: { host: 'example.com' } })
  const [request] = await asked
  assert.deepStrictEqual([request.authority, request.headers.host], ['example.com', 'example.com'])
  assert.ok(!(':authority' in request.headers) && !request.rawHeaders.includes(':authority'))
  client.close()
  await new Promise((resolve) => server.close(resolve))
})
