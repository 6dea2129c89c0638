'use strict'

// HTTP/1.1 beside HTTP/2 (allowHTTP1): requests and responses are node:http's.
// Every program runs over goaway and over node:http2, and its client and its
// listeners must see the same.

const { test, after } = require('node:test')
const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const http = require('node:http')
const https = require('node:https')
const net = require('node:net')
const nodeHttp2 = require('node:http2')
const tls = require('node:tls')
const { once } = require('node:events')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { Readable, pipeline } = require('node:stream')
const compression = require('compression')
const express4 = require('express4')
const express5 = require('express')
const Koa = require('koa')
const onHeaders = require('on-headers')
const goaway = require('../http2.js')

const folder = fs.mkdtempSync(join(tmpdir(), 'goaway-http1-'))
after(() => fs.rmSync(folder, { recursive: true }))
const [certFile, keyFile] = ['pem', 'key'].map((end) => join(folder, `own.${end}`))
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
  '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', keyFile, '-out', certFile], { stdio: 'pipe' })
const own = { cert: fs.readFileSync(certFile, 'utf8'), key: fs.readFileSync(keyFile, 'utf8') }

const LARGE = 'h'.repeat(66_000)

function ofExpress (express) {
  const app = express()
  app.set('env', 'test') // failures are not printed
  app.use(express.json())
  app.get('/', (request, response) => response.json({ protocol: request.protocol, secure: request.secure, ip: request.ip }))
  app.get('/fail', () => { throw new Error('as it must') })
  app.get('/file', (request, response) => response.sendFile(__filename))
  app.post('/', (request, response) => response.status(201).json(request.body))
  return (request, response) => app(request, response)
}

const koa = new Koa()
koa.silent = true
koa.use((context) => {
  if (context.path === '/fail') throw new Error('as it must')
  context.body = { secure: context.secure }
})

const JSON_POST = { path: '/', method: 'POST', body: '{"a":1}', headers: { 'content-type': 'application/json' } }

/** By name: how a request is answered, and what the request is. */
const PROGRAMS = {
  end: [(request, response) => response.end('body')],
  'an end without a body': [(request, response) => response.end()],
  pieces: [(request, response) => {
    response.write('bo')
    response.end('dy')
  }],
  'pieces in turns': [(request, response) => {
    response.write('bo')
    setImmediate(() => response.end('dy'))
  }],
  'status and fields': [(request, response) => {
    response.statusCode = 202
    response.setHeader('X-List', ['1', '2'])
    response.appendHeader?.('x-list', '3')
    response.end('x')
  }],
  204: [(request, response, note) => {
    response.statusCode = 204
    response.write('x', (error) => note(`written ${error}`))
    response.end('y')
  }],
  304: [(request, response) => response.writeHead(304, { etag: 'x' }).end()],
  'a pipeline, HEAD': [(request, response, note) => pipeline(Readable.from(['a', 'b']), response, (error) => note(`piped ${error}`)), { method: 'HEAD' }],
  'a long pipeline': [(request, response, note) => {
    pipeline(Readable.from(Array.from({ length: 30 }, () => Buffer.alloc(50_000, 'x'))), response, (error) => note(`piped ${error}`))
  }],
  drain: [(request, response, note) => {
    note(response.write(Buffer.alloc(1_000_000, 'x')))
    response.once('drain', () => response.end())
  }],
  'an echo in chunks': [(request, response) => request.pipe(response), { method: 'POST', body: 'z'.repeat(200_000) }],
  'a body that nobody reads': [(request, response) => response.end('x'), { method: 'POST', body: 'z'.repeat(3000) }],
  continue: [(request, response) => request.pipe(response.writeHead(200, { 'x-expected': '1' })), { method: 'POST', body: 'body', headers: { expect: '100-continue' } }],
  'informational heads': [(request, response) => {
    response.writeProcessing()
    response.end('x')
  }],
  trailers: [(request, response) => {
    response.setHeader('trailer', 'x-sum')
    response.write('a')
    response.addTrailers({ 'X-Sum': '1' })
    response.end('b')
  }],
  'the last of a connection': [(request, response) => {
    response.shouldKeepAlive = false
    response.end('x')
  }],
  'a large head': [(request, response) => response.writeHead(403, { 'x-large': LARGE }).end('denied')],
  'a head that throws': [(request, response, note) => {
    try {
      response.writeHead(1403)
    } catch (error) {
      note(error.code)
    }
    response.statusCode = 500
    response.end('instead')
  }],
  'a destroyed response': [(request, response) => response.destroy()],
  'a response destroyed in its midst': [(request, response) => {
    response.write('x')
    setTimeout(() => response.destroy(), 10)
  }],
  'a destroyed socket': [(request) => request.socket.destroy()],
  'a length that is never reached': [(request, response) => {
    response.setHeader('content-length', 10)
    response.write('short')
    setTimeout(() => response.destroy(), 10)
  }],
  'a write after the end': [(request, response, note) => {
    response.on('error', (error) => note(error.code))
    response.end('x')
    response.write('y')
  }],
  'what server-sent events do': [(request, response) => {
    request.socket.setKeepAlive(true)
    request.socket.setNoDelay(true)
    request.socket.setTimeout(0)
    response.writeHead(200, { 'content-type': 'text/event-stream', connection: 'keep-alive', 'x-accel-buffering': 'no' })
    response.flushHeaders()
    response.write('data: 1\n\n')
    setImmediate(() => response.end('data: 2\n\n'))
  }],
  'the socket': [(request, response, note, server) => {
    const { socket } = request
    response.end(JSON.stringify([
      socket === response.socket, socket === request.connection, socket._httpMessage === response, socket.server === server,
      socket instanceof net.Socket, socket.encrypted, socket.readable, socket.writable, socket.destroyed, socket.remoteAddress,
      response.req === request, request.complete, response.shouldKeepAlive, response.headersSent, response.finished,
      request instanceof http.IncomingMessage, response instanceof http.ServerResponse, request.stream, response.stream
    ]))
  }],
  'a prototype that is replaced': [(request, response) => {
    Object.setPrototypeOf(response, Object.create(http.ServerResponse.prototype, { send: { value (text) { this.end(`sent ${text}`) } } }))
    Object.setPrototypeOf(request, Object.create(http.IncomingMessage.prototype, { what: { get () { return this.url } } }))
    response.send(request.what)
  }],
  'fields of one name': [(request, response) => {
    response.end(JSON.stringify([request.headers['x-a'], request.headers.cookie, request.rawHeaders.filter((text) => /^[0-9]/.test(text))]))
  }, { headers: { 'x-a': ['1', '2'], cookie: ['3=3', '4=4'] } }],
  timeout: [(request, response, note) => response.setTimeout(20, () => {
    note('timeout')
    response.shouldKeepAlive = false
    response.end('late')
  })],
  'on-headers': [(request, response) => {
    onHeaders(response, function () { this.setHeader('x-late', '1') })
    response.end('x')
  }],
  'a replaced writeHead': [(request, response) => {
    const { writeHead } = response
    response.writeHead = function (...args) {
      this.setHeader('x-own', '1')
      return writeHead.apply(this, args)
    }
    response.end('x')
  }],
  compression: [(request, response) => compression({ threshold: 0 })(request, response, () => {
    response.setHeader('content-type', 'text/plain')
    response.end('x'.repeat(5000))
  }), { headers: { 'accept-encoding': 'gzip' } }],
  Koa: [koa.callback()],
  'Koa that fails': [koa.callback(), { path: '/fail' }]
}
for (const [name, express] of [['Express 4', express4], ['Express 5', express5]]) {
  const app = ofExpress(express)
  for (const [what, request] of Object.entries({ json: {}, HEAD: { method: 'HEAD' }, fail: { path: '/fail' }, file: { path: '/file' }, none: { path: '/none' }, post: JSON_POST })) {
    PROGRAMS[`${name}, ${what}`] = [app, request]
  }
}

/** Of the connection, or never the same. */
const LEFT_OUT = ['date', 'keep-alive', 'connection']

function exchange (port, agent, { path = '/', method = 'GET', headers, body }) {
  return new Promise((resolve) => {
    const request = https.request({ host: 'localhost', port, path, method, headers, agent, ca: own.cert, timeout: 10_000, maxHeaderSize: 200_000 })
    const seen = { informational: [] }
    request.on('timeout', () => request.destroy(new Error('no response in time')))
    request.on('information', ({ statusCode }) => seen.informational.push(statusCode))
    request.on('error', ({ code, message }) => resolve({ ...seen, error: code ?? message }))
    request.on('response', (response) => {
      const chunks = []
      response.on('data', (chunk) => chunks.push(chunk))
      response.on('error', ({ code }) => { seen.cut = code })
      response.on('close', () => {
        const { statusCode: status, statusMessage: message, trailers } = response
        const fields = { ...response.headers }
        for (const name of LEFT_OUT) delete fields[name]
        // A response that was given in one piece says its length with goaway.
        if (fields['transfer-encoding'] === undefined) delete fields['content-length']
        delete fields['transfer-encoding']
        const text = Buffer.concat(chunks).toString('latin1').replace(/<br>.*<\/pre>/, '')
        resolve({ ...seen, status, message, fields, trailers, text, reused: request.reusedSocket })
      })
    })
    request.end(body)
  })
}

async function run (lib, [listener, request = {}]) {
  const notes = []
  const server = lib.createSecureServer({ cert: own.cert, key: own.key, allowHTTP1: true, drainMs: 0 })
  server.on('request', (request, response) => {
    for (const [name, emitter, events] of [['request', request, ['aborted', 'end', 'close']], ['response', response, ['prefinish', 'finish', 'close']]]) {
      for (const event of events) emitter.on(event, () => notes.push(`${name} ${event}`))
    }
    request.on('error', () => {})
    listener(request, response, ...listener.length > 2 ? [(note) => notes.push(String(note)), server] : [])
  })
  server.on('clientError', (error, socket) => socket.destroy())
  server.listen(0)
  await once(server, 'listening')
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  const seen = []
  for (let count = 0; count < 2; count++) seen.push(await exchange(server.address().port, agent, request))
  agent.destroy()
  await new Promise((resolve) => server.close(resolve))
  return { seen, notes }
}

for (const [name, program] of Object.entries(PROGRAMS)) {
  test(`HTTP/1.1 as in Node.js: ${name}`, async () => {
    const plain = await run(nodeHttp2, program)
    const ours = await run(goaway, program)
    assert.deepStrictEqual(ours.seen, plain.seen)
    assert.deepStrictEqual(ours.notes, plain.notes)
  })
}

/** A server of goaway's with that listener, and its port. */
async function serve (t, event, listener) {
  const server = goaway.createSecureServer({ cert: own.cert, key: own.key, allowHTTP1: true, drainMs: 1000 })
  server.on('request', (request, response) => response.end('other'))
  server.on(event, listener)
  server.listen(0)
  await once(server, 'listening')
  t.after(() => server.close({ drainMs: 0 }))
  return server
}

/** What comes back for `text` until the connection ends. */
async function raw (server, text) {
  const socket = tls.connect({ host: 'localhost', port: server.address().port, ca: own.cert, ALPNProtocols: ['http/1.1'] })
  socket.write(text)
  return (await socket.toArray()).map(String).join('')
}

test('HTTP/1.1: a tunnel by CONNECT has the socket, as in Node.js', async (t) => {
  const server = await serve(t, 'connect', (request, socket, head) => {
    assert.deepStrictEqual([request.url, head.length], ['there:1', 0])
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    socket.once('data', (data) => socket.end(`got ${data}`))
  })
  const request = https.request({ host: 'localhost', port: server.address().port, ca: own.cert, method: 'CONNECT', path: 'there:1', servername: 'localhost', headers: { host: 'there:1' } }).end()
  const [response, socket, head] = await once(request, 'connect')
  assert.strictEqual(response.statusCode, 200)
  socket.write('ping')
  assert.strictEqual(Buffer.concat([head, ...await socket.toArray()]).toString(), 'got ping')
})

test('HTTP/1.1: a method that node:http does not know, and HTTP/1.0', async (t) => {
  const server = await serve(t, 'other', () => {})
  assert.match(await raw(server, 'NONE / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n'), /^HTTP\/1\.1 400 /)
  assert.match(await raw(server, 'GET / HTTP/1.0\r\n\r\n'), /^HTTP\/1\.0 200 OK\r\n[^]*\r\n\r\nother$/)
})

test('HTTP/1.1: pipelined requests are answered in their order', async (t) => {
  const server = await serve(t, 'other', () => {})
  server.removeAllListeners('request')
  server.on('request', (request, response) => setTimeout(() => response.end(request.url), request.url === '/1' ? 20 : 0))
  const text = await raw(server, 'GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
  assert.match(text, /\r\n\r\n\/1HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n\/2$/)
})

test('HTTP/1.1: more than content-length says never looks whole', async (t) => {
  const server = await serve(t, 'clientError', (error, socket) => {
    failures.push(error.code)
    socket.destroy()
  })
  const failures = []
  server.removeAllListeners('request')
  server.on('request', (request, response) => response.setHeader('content-length', 3).end('denied'))
  const { error, status } = await exchange(server.address().port, undefined, {})
  assert.deepStrictEqual([error, status, failures], ['ECONNRESET', undefined, ['GOAWAY_ERR_LENGTH']])
})

test('HTTP/1.1: a session is closed in time, and its socket told', async (t) => {
  const server = await serve(t, 'other', () => {})
  server.removeAllListeners('request')
  const told = []
  const begun = new Promise((resolve) => {
    server.on('request', (request, response) => {
      request.socket.once('draining', () => told.push('draining'))
      request.on('aborted', () => told.push('aborted'))
      response.on('close', () => told.push(`close ${response.writableFinished}`))
      response.write('begun')
      resolve()
    })
  })
  const cut = exchange(server.address().port, undefined, {})
  await begun
  await new Promise((resolve) => server.close({ drainMs: 50 }, resolve))
  assert.strictEqual((await cut).cut, 'ECONNRESET')
  assert.deepStrictEqual([told, server.report.streamsReset], [['draining', 'aborted', 'close false'], 1])
})
