'use strict'

// What programs and packages replace is what is called: the same with goaway and
// with node:http2.

const { test } = require('node:test')
const assert = require('node:assert')
const nodeHttp2 = require('node:http2')
const { once } = require('node:events')
const { Duplex } = require('node:stream')
const { gunzipSync } = require('node:zlib')
const compression = require('compression')
const cookieSession = require('cookie-session')
const express = require('express')
const morgan = require('morgan')
const onHeaders = require('on-headers')
const responseTime = require('response-time')
const goaway = require('../http2.js')
const { connect, send } = require('./helpers.js')

/** What the peer gets of one request that `serve(server, lib)` has a server answer. */
async function ask (lib, serve, request = {}, options = {}) {
  const server = lib.createServer(options)
  serve(server, lib)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port)
  const { status, headers, trailers, body, code } = await send(client, '/', request)
  client.destroy()
  await new Promise((resolve) => server.close(resolve))
  return { status, headers: { ...headers, date: undefined }, trailers: { ...trailers }, body, code }
}

/** The same of both, given back. */
async function same (serve, request, options) {
  const [plain, ours] = [await ask(nodeHttp2, serve, request, options?.(nodeHttp2)), await ask(goaway, serve, request, options?.(goaway))]
  assert.deepStrictEqual(ours, plain)
  return ours
}

/** How a handler may end its response. */
const ENDS = {
  end: (response) => response.end('body'),
  'end without a body': (response) => response.end(),
  'writeHead and end': (response) => response.writeHead(203).end('body'),
  'write and end': (response) => {
    response.write('bo')
    response.end('dy')
  },
  'end in a later turn': (response) => setImmediate(() => response.end('body')),
  flushHeaders: (response) => {
    response.flushHeaders()
    response.end('body')
  }
}

for (const [what, end] of Object.entries(ENDS)) {
  test(`on-headers: ${what}`, async () => {
    const { headers } = await same((server) => server.on('request', (request, response) => {
      onHeaders(response, function () { this.setHeader('x-late', 'set') })
      end(response)
    }))
    assert.strictEqual(headers['x-late'], 'set')
  })

  test(`a writeHead of the response's own: ${what}`, async () => {
    const { status, headers } = await same((server) => server.on('request', (request, response) => {
      const { writeHead } = response
      response.writeHead = function (status, ...rest) {
        this.setHeader('x-own', String(status))
        return writeHead.call(this, 404, ...rest)
      }
      end(response)
    }))
    assert.deepStrictEqual([status, typeof headers['x-own']], [404, 'string'])
  })
}

/** The members that a program may replace on a stream, each as its caller sees it. */
const MEMBERS = ['respond', 'write', 'end', '_write', '_final', 'sendTrailers', 'emit']

/** Emitted by node:stream for itself, or by what listeners are added for. */
const INNER = /^emit (newListener|removeListener|resume|prefinish|pause|readable|end|finish|wantTrailers)$/

function record (owner, calls, name) {
  const original = owner[name]
  owner[name] = function (...args) {
    const shown = name === 'respond' ? args[0][':status'] : name === 'emit' ? args[0] : name === '_write' ? String(args[0]) : ''
    calls.push(`${name} ${shown}`.trim())
    return original.apply(this, args)
  }
}

for (const name of MEMBERS) {
  for (const [what, end] of Object.entries({ ...ENDS, trailers: (response) => {
    response.setTrailer('x-sum', '1')
    response.end('body')
  } })) {
    test(`a stream's own ${name} is called: ${what}`, async () => {
      const seen = []
      await same((server) => {
        const calls = []
        seen.push(calls)
        server.on('request', (request, response) => {
          record(response.stream, calls, name)
          end(response)
        })
      })
      const [plain, ours] = seen.map((calls) => calls.filter((call) => !INNER.test(call)))
      assert.deepStrictEqual(ours, plain)
    })
  }
}

test('patched prototypes are used', async (t) => {
  const owners = [() => Duplex.prototype, (stream) => Object.getPrototypeOf(stream)]
  for (const of of owners) {
    const seen = []
    await same((server) => {
      const calls = []
      seen.push(calls)
      server.on('request', (request, response) => {
        const owner = of(response.stream)
        const { end } = owner
        owner.end = function (...args) {
          if (this === response.stream) calls.push('end')
          return end.apply(this, args)
        }
        response.once('close', () => { owner.end = end })
        response.end('body')
      })
    })
    assert.ok(seen[1].length > 0)
  }
})

test('patched prototypes of the compatibility API are used', async () => {
  for (const name of ['writeHead', 'write', 'end', 'setHeader', 'flushHeaders']) {
    const { headers } = await same((server, lib) => {
      const { prototype } = lib.Http2ServerResponse
      const original = prototype[name]
      prototype[name] = function (...args) {
        prototype[name] = original
        this.setHeader('x-patched', name)
        return original.apply(this, args)
      }
      server.on('request', (request, response) => {
        response.setHeader('x-first', '1')
        if (name === 'flushHeaders') response.flushHeaders()
        response.end('body')
      })
    })
    assert.strictEqual(headers['x-patched'], name)
  }
})

test('classes of the program are used', async () => {
  const { status, headers, body } = await same((server) => server.on('request', (request, response) => {
    response.setHeader('x-url', request.url)
    response.end('body')
  }), {}, (lib) => ({
    Http2ServerRequest: class extends lib.Http2ServerRequest {
      get url () { return `${super.url}own` }
    },
    Http2ServerResponse: class extends lib.Http2ServerResponse {
      writeHead (status, ...rest) {
        this.setHeader('x-class', 'own')
        return super.writeHead(201, ...rest)
      }

      write (chunk, ...rest) { return super.write(`${chunk}!`, ...rest) }
    }
  }))
  assert.deepStrictEqual([status, headers['x-class'], headers['x-url'], body], [201, 'own', '/own', 'body!'])
})

test('what a listener of `stream` changes in the headers is what the request has', async () => {
  const { headers } = await same((server) => {
    server.on('stream', (stream, headers) => {
      headers[':path'] = '/changed'
      headers[':method'] = 'PATCH'
    })
    server.on('request', (request, response) => {
      response.setHeader('x-seen', `${request.method} ${request.url}`)
      response.end()
    })
  })
  assert.strictEqual(headers['x-seen'], 'PATCH /changed')
})

test('response-time and morgan over Express', async () => {
  const lines = []
  const { headers, body } = await ask(goaway, (server, lib) => {
    Object.setPrototypeOf(express.request, lib.Http2ServerRequest.prototype)
    Object.setPrototypeOf(express.response, lib.Http2ServerResponse.prototype)
    const app = express()
    app.use(morgan(':method :url :status :res[content-length] :response-time', { stream: { write: (line) => lines.push(line) } }))
    app.use(responseTime())
    app.get('/', (request, response) => response.send('hello'))
    server.on('request', app)
  })
  assert.strictEqual(body, 'hello')
  assert.match(headers['x-response-time'], /^\d+\.\d+ms$/)
  assert.match(lines.join(''), /^GET \/ 200 5 \d+\.\d+\n$/)
})

test('response-time, cookie-session and morgan over the compatibility API', async () => {
  for (const lib of [nodeHttp2, goaway]) {
    const lines = []
    const { headers } = await ask(lib, (server) => {
      const layers = [
        morgan(':method :url :status :response-time', { stream: { write: (line) => lines.push(line) } }),
        responseTime(),
        cookieSession({ name: 'session', keys: ['key'], secure: false }),
        (request, response) => {
          request.session.user = 'u'
          response.end('hello')
        }
      ]
      server.on('request', (request, response) => {
        const next = (at) => layers[at](request, response, () => next(at + 1))
        next(0)
      })
    })
    assert.match(headers['x-response-time'], /^\d+\.\d+ms$/)
    assert.match(String(headers['set-cookie']), /session=.*session\.sig=/)
    assert.match(lines.join(''), /^GET \/ 200 \d+\.\d+\n$/)
  }
})

test('compression', async () => {
  const text = 'compress me '.repeat(1000)
  for (const act of [(response) => response.end(text), (response) => {
    response.write(text.slice(0, 5000))
    response.flush()
    response.end(text.slice(5000))
  }]) {
    const chunks = []
    const server = goaway.createServer((request, response) => compression()(request, response, () => {
      response.setHeader('content-type', 'text/plain')
      act(response)
    }))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect(server.address().port)
    const stream = client.request({ 'accept-encoding': 'gzip' })
    const [headers] = await once(stream, 'response')
    for await (const chunk of stream) chunks.push(chunk)
    assert.deepStrictEqual([headers['content-encoding'], headers.vary], ['gzip', 'Accept-Encoding'])
    assert.strictEqual(gunzipSync(Buffer.concat(chunks)).toString(), text)
    client.destroy()
    server.close()
  }
})
