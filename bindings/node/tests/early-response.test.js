'use strict'

// Responses that end while the program still reads the request body, in both APIs.

const test = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { connect, until } = require('./helpers.js')
const { Server } = require('../index.js')
const { createServer } = require('../http2.js')

const POST = { ':method': 'POST', ':path': '/' }

/** Sends the second half of its body after it has the complete response. Returns the body of the response. */
async function upload (port) {
  const client = connect(port)
  const stream = client.request(POST)
  stream.write('before ')
  let text = ''
  stream.setEncoding('utf8').on('data', (data) => { text += data })
  await once(stream, 'end')
  stream.write('after ')
  stream.end('end')
  await once(stream, 'close')
  assert.strictEqual(stream.rstCode, 0)
  client.close()
  return text
}

const responses = {
  'a head that ends the stream': (stream) => { stream.respond({ ':status': 200 }, { endStream: true }) },
  'an end in the same turn': (stream) => {
    stream.respond()
    stream.end('ok')
  },
  'an end in a later turn': (stream) => {
    stream.respond()
    stream.write('o')
    setTimeout(() => stream.end('k'), 20)
  },
  trailers: (stream) => {
    stream.respond({}, { waitForTrailers: true })
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }))
    stream.end('ok')
  }
}

for (const [name, respond] of Object.entries(responses)) {
  test(`the body of the request goes on after ${name}`, async () => {
    const server = createServer()
    let body = ''
    let closed = false
    server.on('stream', (stream) => {
      stream.once('data', () => respond(stream))
      stream.on('data', (data) => { body += data })
      stream.on('close', () => { closed = true })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    assert.strictEqual(await upload(server.address().port), name === 'a head that ends the stream' ? '' : 'ok')
    await until(() => closed, 'the end of the stream')
    assert.strictEqual(body, 'before after end')
    await new Promise((resolve) => server.close(resolve))
    assert.strictEqual(server.report.streamsReset, 0)
  })
}

test('a reader may begin in the turn in which the response ends', async () => {
  const server = createServer()
  let body = ''
  server.on('request', (request, response) => {
    response.end('ok')
    request.on('data', (data) => { body += data })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  assert.strictEqual(await upload(server.address().port), 'ok')
  await until(() => body === 'before after end', 'the body')
  await new Promise((resolve) => server.close(resolve))
})

test('a body that nobody reads ends with the response', async () => {
  const server = createServer()
  let closed = false
  server.on('stream', (stream) => {
    stream.respond()
    stream.end('ok')
    stream.on('close', () => { closed = true })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  const stream = client.request(POST)
  stream.write('more')
  stream.resume()
  await once(stream, 'close')
  assert.ok(closed)
  assert.strictEqual(stream.rstCode, 0)
  client.close()
  await new Promise((resolve) => server.close(resolve))
})

test('Server: a loop over the body may go on after the response, or break', async () => {
  const server = new Server()
  const seen = { beforeBreak: [] }
  server.register('POST /', async (request) => {
    let body = ''
    for await (const data of request.body) {
      if (body === '') request.respond(200, 'ok')
      body += data
    }
    seen.body = body
  })
  server.register('POST /break', async (request) => {
    for await (const data of request.body) {
      request.respond(200, 'ok')
      seen.beforeBreak.push(data.toString())
      break
    }
  })
  await server.start({ bind: 0 })
  assert.strictEqual(await upload(server.port), 'ok')
  await until(() => seen.body === 'before after end', 'the body')
  const client = connect(server.port)
  const stream = client.request({ ...POST, ':path': '/break' })
  stream.write('some')
  stream.resume()
  await once(stream, 'close')
  assert.deepStrictEqual([stream.rstCode, seen.beforeBreak], [0, ['some']])
  client.close()
  await server.close()
})

test('reading a body throws if the peer disconnects before its end', async () => {
  const server = new Server()
  let failed = null
  server.register('POST /', async (request) => {
    try {
      for await (const data of request.body) if (data.length > 0) request.respond(200, 'ok')
    } catch (error) {
      failed = error
    }
  })
  await server.start({ bind: 0 })
  const client = connect(server.port)
  const stream = client.request(POST)
  stream.write('some')
  stream.resume()
  stream.on('error', () => {})
  await once(stream, 'end')
  client.destroy()
  await until(() => failed !== null, 'the failure')
  assert.strictEqual(failed.code, 'GOAWAY_ERR_CANCELLED')
  await server.close()
})
