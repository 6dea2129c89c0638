'use strict'

// createSecureServer: node:http2's over goaway's TLS, and HTTP/1.1 beside it.

const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const { X509Certificate } = require('node:crypto')
const { EventEmitter, once } = require('node:events')
const fs = require('node:fs')
const http = require('node:http')
const nodeHttp2 = require('node:http2')
const https = require('node:https')
const net = require('node:net')
const os = require('node:os')
const { join } = require('node:path')
const { Readable } = require('node:stream')
const { test, after } = require('node:test')
const tls = require('node:tls')
const http2 = require('../http2.js')
const { start, send } = require('./helpers.js')

const folder = fs.mkdtempSync(join(os.tmpdir(), 'goaway-secure-'))
after(() => fs.rmSync(folder, { recursive: true }))

const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore' })
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']

/** A certificate for a name that is its own authority; with a password its key is encrypted. */
function make (name, host = 'localhost', password) {
  const [certFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  openssl('req', '-x509', ...EC, '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${host}`, '-keyout', keyFile, '-out', certFile)
  if (password !== undefined) openssl('pkcs8', '-topk8', '-v2', 'aes256', '-in', keyFile, '-passout', `pass:${password}`, '-out', `${keyFile}.hidden`)
  const key = fs.readFileSync(password === undefined ? keyFile : `${keyFile}.hidden`, 'utf8')
  return { certFile, keyFile, cert: fs.readFileSync(certFile, 'utf8'), key }
}

/** A client that an authority vouches for. */
function sign (authority, name) {
  const [certFile, keyFile, request, more] = ['pem', 'key', 'csr', 'ext'].map((end) => join(folder, `${name}.${end}`))
  openssl('req', ...EC, '-nodes', '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', request)
  fs.writeFileSync(more, 'basicConstraints=CA:FALSE\n')
  openssl('x509', '-req', '-in', request, '-CA', authority.certFile, '-CAkey', authority.keyFile, '-CAcreateserial', '-days', '2', '-extfile', more, '-out', certFile)
  return { cert: fs.readFileSync(certFile, 'utf8'), key: fs.readFileSync(keyFile, 'utf8') }
}

const [one, two] = [make('one'), make('two')]
const OWN = { cert: one.cert, key: one.key }

/** A server that listens, and ends with the test. */
async function serve (t, options, onRequest) {
  const server = http2.createSecureServer(options, onRequest)
  t.after(() => new Promise((resolve) => { server.close({ drainMs: 0 }, resolve) }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** A session with it; its end is in `failed` if it was none in order. */
function connect (t, server, options = {}) {
  const client = nodeHttp2.connect(`https://localhost:${server.address().port}`, { ca: one.cert, ...options })
  client.on('error', (error) => { client.failed = error })
  t.after(() => client.destroy())
  return client
}

/** A request of HTTP/1.1 to a server, or to a port. */
async function ask (server, path, { body, ...options } = {}) {
  const port = typeof server === 'number' ? server : server.address().port
  const request = https.request({ host: 'localhost', port, ca: one.cert, path, timeout: 20_000, ...options })
  request.end(body)
  const [answer] = await once(request, 'response')
  const chunks = []
  for await (const chunk of answer) chunks.push(chunk)
  return { status: answer.statusCode, message: answer.statusMessage, headers: answer.headers, trailers: answer.trailers, text: Buffer.concat(chunks).toString(), reused: request.reusedSocket, socket: request.socket }
}

test('HTTP/2 over TLS: what session and socket say', async (t) => {
  const server = await serve(t, OWN)
  const order = []
  for (const name of ['secureConnection', 'session', 'stream']) server.on(name, () => order.push(name))
  let seen
  server.on('stream', (stream) => {
    const { session } = stream
    const { socket } = session
    seen = {
      encrypted: session.encrypted,
      alpnProtocol: session.alpnProtocol,
      socket: [socket.encrypted, socket.authorized, socket.authorizationError, socket.alpnProtocol, socket.servername, socket.getProtocol(), socket.isSessionReused()],
      origin: session.originSet,
      cipher: socket.getCipher(),
      peer: socket.getPeerCertificate(),
      port: socket.remotePort
    }
    stream.respond()
    stream.end('hello')
  })
  const client = connect(t, server)
  assert.strictEqual((await send(client, '/')).body, 'hello')
  assert.strictEqual(client.alpnProtocol, 'h2')
  const cipher = client.socket.getCipher()
  assert.deepStrictEqual(seen, {
    encrypted: true,
    alpnProtocol: 'h2',
    socket: [true, false, null, 'h2', 'localhost', 'TLSv1.3', false],
    origin: [`https://localhost:${client.socket.localPort}`],
    cipher,
    peer: {},
    port: client.socket.localPort
  })
  assert.deepStrictEqual(order, ['secureConnection', 'session', 'stream'])
})

test('a cipher of TLS 1.2 has the name that OpenSSL has for it', async (t) => {
  const server = await serve(t, OWN, (request, response) => response.end(JSON.stringify(request.socket.getCipher())))
  for (const ciphers of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305']) {
    const client = connect(t, server, { maxVersion: 'TLSv1.2', ciphers })
    const { body } = await send(client, '/')
    assert.strictEqual(JSON.parse(body).name, ciphers)
    assert.strictEqual(JSON.parse(body).version, 'TLSv1.2')
    client.close()
  }
})

test('certificates of clients', async (t) => {
  const [friend, stranger] = [sign(one, 'friend'), sign(two, 'stranger')]
  const answer = (request, response) => {
    const { socket } = request
    response.end(JSON.stringify([socket.authorized, socket.authorizationError, socket.getPeerCertificate(true).subject?.CN ?? null, socket.getPeerX509Certificate()?.subject ?? null]))
  }
  const strict = await serve(t, { ...OWN, ca: [one.cert], requestCert: true }, answer)
  assert.strictEqual((await send(connect(t, strict, friend), '/')).body, '[true,null,"friend","CN=friend"]')
  const refused = once(strict, 'tlsClientError')
  assert.strictEqual((await send(connect(t, strict), '/')).status, 0)
  const [error, socket] = await refused
  assert.strictEqual(error.code, 'GOAWAY_ERR_TLS')
  assert.strictEqual(socket.remoteAddress, '127.0.0.1')
  assert.strictEqual(socket.destroyed, true)
  assert.strictEqual((await send(connect(t, strict, stranger), '/')).status, 0)

  const lenient = await serve(t, { ...OWN, ca: one.cert, requestCert: true, rejectUnauthorized: false }, answer)
  assert.strictEqual((await send(connect(t, lenient, friend), '/')).body, '[true,null,"friend","CN=friend"]')
  assert.strictEqual((await send(connect(t, lenient, stranger), '/')).body, '[false,"UNABLE_TO_VERIFY_LEAF_SIGNATURE","stranger","CN=stranger"]')
  assert.strictEqual((await send(connect(t, lenient), '/')).body, '[false,"UNABLE_TO_GET_ISSUER_CERT",null,null]')
  assert.strictEqual((await send(connect(t, lenient, { cert: two.cert, key: two.key }), '/')).body, '[false,"DEPTH_ZERO_SELF_SIGNED_CERT","two","CN=two"]')
})

test('without ca those vouch for clients whom Node.js trusts', async (t) => {
  const server = await serve(t, { ...OWN, requestCert: true }, (request, response) => response.end())
  assert.strictEqual((await send(connect(t, server, { cert: one.cert, key: one.key }), '/')).status, 0)
})

test('keys with a password, in both of their forms', async (t) => {
  const hidden = make('hidden', 'localhost', 'secret')
  for (const options of [{ key: hidden.key, passphrase: 'secret' }, { key: [{ pem: hidden.key, passphrase: 'secret' }] }]) {
    const server = await serve(t, { cert: hidden.cert, ...options }, (request, response) => response.end('open'))
    assert.strictEqual((await send(connect(t, server, { ca: hidden.cert }), '/')).body, 'open')
  }
  assert.throws(() => http2.createSecureServer({ cert: hidden.cert, key: hidden.key, passphrase: 'wrong' }), { code: 'GOAWAY_ERR_TLS' })
})

test('setSecureContext and addContext: new certificates without a restart', async (t) => {
  const server = await serve(t, OWN, (request, response) => response.end('hello'))
  const held = connect(t, server)
  assert.strictEqual((await send(held, '/')).body, 'hello')
  assert.throws(() => server.setSecureContext({ cert: two.cert, key: one.key }), { code: 'GOAWAY_ERR_TLS' })
  assert.strictEqual((await send(connect(t, server), '/')).body, 'hello')
  server.setSecureContext({ certFile: two.certFile, keyFile: two.keyFile })
  assert.strictEqual((await send(connect(t, server), '/')).status, 0)
  assert.strictEqual((await send(connect(t, server, { ca: two.cert }), '/')).body, 'hello')
  assert.strictEqual((await send(held, '/')).body, 'hello')

  server.setSecureContext(OWN)
  const other = make('other', 'other.test')
  assert.throws(() => server.addContext('a b', { cert: other.cert, key: other.key }), /not a name/)
  assert.throws(() => server.addContext('other.test', tls.createSecureContext(OWN)), /cannot be read/)
  server.addContext('other.test', { cert: other.cert, key: other.key })
  assert.strictEqual((await send(connect(t, server, { ca: other.cert, servername: 'other.test' }), '/')).body, 'hello')
  assert.strictEqual((await send(connect(t, server), '/')).body, 'hello')
})

test('a client is judged as by node:http2', async (t) => {
  const file = (name, end) => join(folder, `client-${name}.${end}`)
  const own = (name, ...extensions) => {
    const added = extensions.flatMap((extension) => ['-addext', extension])
    openssl('req', '-x509', ...EC, '-nodes', '-days', '2', '-subj', `/CN=${name}`, ...added, '-keyout', file(name, 'key'), '-out', file(name, 'pem'))
    return { cert: fs.readFileSync(file(name, 'pem'), 'utf8'), key: fs.readFileSync(file(name, 'key'), 'utf8') }
  }
  const [authority, leaf, stranger] = [own('authority'), own('leaf', 'basicConstraints=critical,CA:FALSE'), own('stranger')]
  const issued = sign({ certFile: file('authority', 'pem'), keyFile: file('authority', 'key') }, 'issued')
  const server = own('for-servers', 'extendedKeyUsage=serverAuth')
  const cases = {
    'trusted itself, an authority': [authority, authority.cert],
    'trusted itself, not an authority': [leaf, leaf.cert],
    'one of several': [leaf, [authority.cert, leaf.cert]],
    'not trusted': [stranger, authority.cert],
    'of the same name': [own('leaf'), leaf.cert],
    'for another use': [server, server.cert],
    'for clients': [own('for-clients', 'extendedKeyUsage=clientAuth'), fs.readFileSync(file('for-clients', 'pem'), 'utf8')],
    'for signing certificates only': [own('signer', 'keyUsage=critical,keyCertSign'), fs.readFileSync(file('signer', 'pem'), 'utf8')],
    issued: [issued, authority.cert],
    'issued, and itself trusted without its issuer': [issued, issued.cert]
  }
  for (const [what, [client, ca]] of Object.entries(cases)) {
    const judged = []
    for (const { createSecureServer } of [nodeHttp2, http2]) {
      const asking = createSecureServer({ ...OWN, ca, requestCert: true, rejectUnauthorized: false })
      t.after(() => asking.close())
      const told = once(asking, 'secureConnection')
      asking.listen(0, '127.0.0.1')
      await once(asking, 'listening')
      const session = connect(t, asking, client)
      const [socket] = await told
      judged.push([socket.authorized, socket.authorizationError])
      session.destroy()
    }
    assert.deepStrictEqual(judged[1], judged[0], what)
  }
})

/** Which of these certificates a client is shown that asks for that name. */
async function shown (server, servername, certificates) {
  const socket = tls.connect({ port: server.address().port, servername, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { raw } = socket.getPeerCertificate()
  socket.destroy()
  return Object.keys(certificates).find((name) => new X509Certificate(certificates[name].cert).raw.equals(raw))
}

test('of several contexts the newest counts, and a name before a wildcard', async (t) => {
  const made = {}
  for (const name of ['old', 'renewed', 'exact', 'wild', 'plain']) made[name] = make(`context-${name}`, `${name}.test`)
  made.default = one
  const server = await serve(t, { ...OWN, cert: [one.cert], key: [one.key] })
  const add = (name, which) => server.addContext(name, { cert: made[which].cert, key: made[which].key })
  const expect = async (expected) => {
    for (const name of Object.keys(expected)) assert.strictEqual(await shown(server, name, made), expected[name], name)
  }
  add('site.example', 'old')
  await expect({ 'site.example': 'old', 'other.example': 'default' })
  add('SITE.example', 'renewed')
  await expect({ 'site.example': 'renewed', 'other.example': 'default' })
  add('exact.example', 'exact')
  add('*.example', 'wild')
  await expect({ 'site.example': 'renewed', 'exact.example': 'exact', 'other.example': 'wild', 'a.b.example': 'default', localhost: 'default' })
  // The certificate's own names do not count, and those of the options less than a context.
  add('localhost', 'plain')
  await expect({ 'wild.test': 'default', localhost: 'plain' })
  assert.throws(() => add('site.example', 'none'))
  assert.throws(() => server.addContext('site.example', { cert: made.old.cert, key: made.wild.key }), { code: 'GOAWAY_ERR_TLS' })
  server.setSecureContext(OWN)
  await expect({ 'site.example': 'renewed', 'exact.example': 'exact', 'other.example': 'wild', localhost: 'plain', 'other.test': 'default' })
})

test('a context has its own passphrase', async (t) => {
  const [first, second] = [make('first-locked', 'first.test', 'one'), make('second-locked', 'second.test', 'two')]
  const server = await serve(t, { cert: first.cert, key: first.key, passphrase: 'one' })
  server.addContext('second.test', { cert: second.cert, key: second.key, passphrase: 'two' })
  assert.strictEqual(await shown(server, 'second.test', { first, second }), 'second')
  assert.strictEqual(await shown(server, 'first.test', { first, second }), 'first')
})

test('options that cannot be done are refused by name', () => {
  const refused = {
    pfx: Buffer.alloc(1),
    SNICallback: () => {},
    ALPNCallback: () => {},
    ALPNProtocols: ['spdy/3'],
    ciphers: 'ALL',
    honorCipherOrder: false,
    ecdhCurve: 'P-521',
    sigalgs: 'RSA+SHA256',
    dhparam: 'x',
    maxVersion: 'TLSv1.2',
    minVersion: 'TLSv1.1',
    secureProtocol: 'TLSv1_2_method',
    secureOptions: 1 << 29 | 1,
    crl: 'x',
    sessionTimeout: 1,
    ticketKeys: Buffer.alloc(48),
    sessionIdContext: 'x',
    pskCallback: () => {},
    enableTrace: true,
    Http1IncomingMessage: class {}
  }
  for (const name of Object.keys(refused)) {
    assert.throws(() => http2.createSecureServer({ ...OWN, [name]: refused[name] }), { code: 'GOAWAY_ERR_INVALID', message: new RegExp(name) }, name)
  }
  http2.createSecureServer({ ...OWN, honorCipherOrder: true, ecdhCurve: 'auto', maxVersion: 'TLSv1.3', minVersion: 'TLSv1.3', ALPNProtocols: ['h2', 'http/1.1'] })
  for (const options of ['x', 5, null, () => {}, { settings: 5 }, { unknownProtocolTimeout: -1 }]) {
    let expected
    try {
      nodeHttp2.createSecureServer(options)
    } catch ({ code, message, name }) {
      expected = { code, message, name }
    }
    assert.throws(() => http2.createSecureServer(options), expected)
  }
})

test('without a certificate it listens, and handshakes fail until there is one', async (t) => {
  for (const bring of [(server) => server.setSecureContext(OWN), (server) => server.addContext('localhost', OWN)]) {
    const server = await serve(t, undefined, (request, response) => response.end('here'))
    const told = once(server, 'tlsClientError')
    const early = connect(t, server)
    assert.strictEqual((await send(early, '/')).status, 0)
    assert.match(early.failed.message, /alert/)
    assert.strictEqual((await told)[0].code, 'GOAWAY_ERR_TLS')
    bring(server)
    assert.strictEqual((await send(connect(t, server), '/')).body, 'here')
  }
})

test('allowHalfOpen is shown', async (t) => {
  for (const allowHalfOpen of [true, false]) {
    const server = await serve(t, { ...OWN, allowHalfOpen }, (request, response) => response.end())
    const connected = once(server, 'secureConnection')
    await send(connect(t, server), '/')
    assert.deepStrictEqual([server.allowHalfOpen, (await connected)[0].allowHalfOpen], [allowHalfOpen, allowHalfOpen])
  }
})

test('minVersion', async (t) => {
  const server = await serve(t, { ...OWN, minVersion: 'TLSv1.3' }, (request, response) => response.end())
  assert.strictEqual((await send(connect(t, server, { maxVersion: 'TLSv1.2' }), '/')).status, 0)
  assert.strictEqual((await send(connect(t, server), '/')).status, 200)
})

test('a client that never speaks is told of by handshakeTimeout', async (t) => {
  const server = await serve(t, { ...OWN, handshakeTimeout: 50 })
  const told = once(server, 'tlsClientError')
  const client = net.connect(server.address().port, '127.0.0.1')
  client.on('error', () => {})
  assert.strictEqual((await told)[0].code, 'ERR_TLS_HANDSHAKE_TIMEOUT')
  client.destroy()
})

test('secureConnection comes when the handshake is over, a session when its client speaks', async (t) => {
  const server = await serve(t, { ...OWN, unknownProtocolTimeout: 200 })
  server.on('session', () => assert.fail('nobody has spoken'))
  const secured = once(server, 'secureConnection')
  const unknown = once(server, 'unknownProtocol')
  const silent = tls.connect({ host: 'localhost', port: server.address().port, ca: one.cert })
  silent.on('error', () => {})
  const [socket] = await secured
  assert.deepStrictEqual([socket.destroyed, socket.alpnProtocol, socket.getProtocol()], [false, false, 'TLSv1.3'])
  const closed = once(socket, 'close')
  assert.strictEqual((await unknown)[0], socket)
  await closed
  silent.destroy()

  const next = once(server, 'secureConnection')
  const chosen = tls.connect({ host: 'localhost', port: server.address().port, ca: one.cert, ALPNProtocols: ['h2'] })
  chosen.on('error', () => {})
  const [ended] = await next
  assert.strictEqual(ended.alpnProtocol, 'h2')
  const gone = once(chosen.resume(), 'close')
  ended.destroy() // before it is a session
  await gone
})

test('ORIGIN is said on each session if origins are given, and when a program says so', async (t) => {
  const server = await serve(t, { ...OWN, origins: ['https://one.example/path', new URL('https://two.example')] })
  const opened = once(server, 'session')
  const client = nodeHttp2.connect(`https://localhost:${server.address().port}`, { ca: one.cert })
  t.after(() => client.destroy())
  const own = `https://localhost:${server.address().port}`
  const [first] = await once(client, 'origin')
  assert.deepStrictEqual(first, ['https://one.example', 'https://two.example'])
  const [session] = await opened
  const told = once(client, 'origin')
  session.origin('https://three.example')
  await told
  assert.deepStrictEqual(client.originSet, [own, 'https://one.example', 'https://two.example', 'https://three.example'])
})

test('HTTP/1.1 is refused unless it is allowed', async (t) => {
  const server = await serve(t, OWN, (request, response) => response.end('never'))
  const told = once(server, 'tlsClientError')
  const client = tls.connect({ host: 'localhost', port: server.address().port, ca: one.cert, ALPNProtocols: ['http/1.1'] })
  await once(client, 'error')
  assert.match((await told)[0].message, /protocol/)
  const unknown = once(server, 'unknownProtocol')
  const silent = tls.connect({ host: 'localhost', port: server.address().port, ca: one.cert })
  silent.on('error', () => {})
  silent.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  const [socket] = await unknown
  assert.strictEqual(socket.remoteAddress, '127.0.0.1')
  silent.destroy()
})

test('HTTP/1.1: requests on one connection', async (t) => {
  const server = await serve(t, { ...OWN, allowHTTP1: true })
  const told = []
  server.on('session', () => told.push('session'))
  server.on('stream', () => told.push('stream'))
  server.on('secureConnection', () => told.push('secureConnection'))
  server.on('request', async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const { httpVersion, httpVersionMajor, method, url, stream, headers, rawHeaders, socket } = request
    const isOfHttp = httpVersionMajor === 1
    assert.deepStrictEqual([request instanceof http.IncomingMessage, response instanceof http.ServerResponse], [isOfHttp, isOfHttp])
    assert.deepStrictEqual([request instanceof Readable, request instanceof http2.Http2ServerRequest], [true, !isOfHttp])
    if (httpVersionMajor === 2) return response.end('2')
    assert.deepStrictEqual(request.headersDistinct?.host ?? [headers.host], [headers.host])
    response.setHeaders?.(new Map([['x-map', 'c']]))
    const names = [...rawHeaders, ...Object.keys(headers)]
    assert.deepStrictEqual(names.filter((name) => name.startsWith(':')), [])
    response.statusCode = 201
    response.statusMessage = 'Made'
    response.setHeader('transfer-encoding', 'chunked')
    response.setHeader('x-sent', ['a', 'b'])
    response.end(JSON.stringify({ httpVersion, httpVersionMajor, method, url, stream, host: headers.host, encrypted: socket.encrypted, body: Buffer.concat(chunks).toString() }))
  })
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const seen = []
  for (let number = 0; number < 3; number++) seen.push(await ask(server, `/${number}?q`, { method: 'POST', body: 'body', agent }))
  const { port } = server.address()
  seen.forEach(({ status, message, headers, text, reused }, number) => {
    assert.strictEqual(status, 201)
    assert.strictEqual(message, 'Created')
    assert.strictEqual(headers['x-sent'], 'a, b')
    assert.strictEqual(headers['content-length'], String(text.length))
    assert.strictEqual(reused, number > 0)
    assert.deepStrictEqual(JSON.parse(text), { httpVersion: '1.1', httpVersionMajor: 1, method: 'POST', url: `/${number}?q`, host: `localhost:${port}`, encrypted: true, body: 'body' })
  })
  assert.deepStrictEqual(told, ['secureConnection'])
  // The same server, the same listener.
  assert.strictEqual((await send(connect(t, server), '/h2')).body, '2')
})

test('HTTP/1.1: trailers, pieces, continue, close', async (t) => {
  const server = await serve(t, { ...OWN, allowHTTP1: true }, (request, response) => {
    if (request.url === '/trailers') {
      response.setTrailer('x-sum', '1')
      response.write('one')
      return response.end('two')
    }
    if (request.url === '/close') return response.writeHead(200, 'Fine', [['Connection', 'close'], ['x-a', 'b']]).end('last')
    if (request.url === '/empty') return response.writeHead(204).end()
    request.pipe(response)
  })
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const trailing = await ask(server, '/trailers', { agent })
  assert.deepStrictEqual([trailing.text, { ...trailing.trailers }], ['onetwo', { 'x-sum': '1' }])
  assert.strictEqual((await ask(server, '/empty', { agent })).status, 204)
  assert.strictEqual((await ask(server, '/echo', { agent, method: 'PUT', headers: { expect: '100-continue' }, body: 'x'.repeat(200_000) })).text.length, 200_000)
  const last = await ask(server, '/close', { agent })
  assert.deepStrictEqual([last.text, last.headers['x-a'], last.reused], ['last', 'b', true])
  assert.strictEqual(last.headers.connection, 'close')
  if (!last.socket.destroyed) await once(last.socket, 'close') // it is the server that ends it
  for (let count = 0; count < 20; count++) assert.strictEqual((await ask(server, '/close', { agent })).headers.connection, 'close')
  assert.strictEqual((await ask(server, '/empty', { agent })).reused, false)
})

test('HTTP/1.1: a client that leaves, an answer that fails, and who listens to streams only', async (t) => {
  const server = await serve(t, { ...OWN, allowHTTP1: true })
  assert.strictEqual((await ask(server, '/')).status, 505)
  const gone = new Promise((resolve) => {
    server.on('request', (request, response) => {
      if (request.url === '/destroy') return response.destroy()
      request.once('aborted', () => response.once('close', resolve))
      client.destroy()
    })
  })
  const client = https.get({ host: 'localhost', port: server.address().port, ca: one.cert, path: '/hang' })
  client.on('error', () => {})
  await gone
  await assert.rejects(ask(server, '/destroy'), { code: 'ECONNRESET' })
})

test('HTTP/1.1: an async listener that fails is answered 500', async (t) => {
  EventEmitter.captureRejections = true
  t.after(() => { EventEmitter.captureRejections = false })
  const server = await serve(t, { ...OWN, allowHTTP1: true })
  server.on('request', async (request, response) => {
    response.setHeader('x-left', 'out')
    throw new Error('no')
  })
  const { status, headers } = await ask(server, '/')
  assert.deepStrictEqual([status, headers['x-left']], [500, undefined])
})

test('Fastify over TLS, which knows nothing of goaway', { skip: Number(process.versions.node.split('.')[0]) < 20 }, async (t) => {
  const { child, port, exited } = start('fastify-secure.js', [one.certFile, one.keyFile], { execArgv: ['-r', join(__dirname, '..', 'register.js')] })
  const client = nodeHttp2.connect(`https://localhost:${await port}`, { ca: one.cert })
  t.after(() => client.destroy())
  assert.strictEqual((await send(client, '/')).body, '{"version":"2.0","protocol":"https"}')
  const agent = new https.Agent({ keepAlive: true })
  t.after(() => agent.destroy())
  assert.strictEqual((await ask(await port, '/', { agent })).text, '{"version":"1.1","protocol":"https"}')
  const told = new Promise((resolve) => child.on('message', (message) => { if ('report' in message) resolve(message.report) }))
  child.send('close')
  const report = await told
  assert.strictEqual(report.sessionsForced, 0)
  assert.strictEqual(report.sessionsGraceful + report.sessionsByPeer, 2)
  const { code, stderr } = await exited
  assert.strictEqual(code, 0, stderr)
})

test('close tells both, and ends', async (t) => {
  const server = await serve(t, { ...OWN, allowHTTP1: true, drainMs: 2000 }, (request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end('slow'), 100)
    else response.end('fast')
  })
  const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  await ask(server, '/', { agent })
  const client = connect(t, server)
  await send(client, '/')
  const slow = [ask(server, '/slow', { agent }), send(client, '/slow')]
  await Promise.all([0, 1].map(() => once(server, 'request')))
  server.close()
  const [first, second] = await Promise.all(slow)
  assert.deepStrictEqual([first.text, second.body], ['slow', 'slow'])
  await once(server, 'close')
  const { sessionsGraceful, sessionsByPeer, sessionsForced, streamsReset } = server.report
  assert.deepStrictEqual([sessionsGraceful + sessionsByPeer, sessionsForced, streamsReset], [2, 0, 0])
})

test('closeAllConnections also ends who is in the midst of the handshake', async (t) => {
  const server = await serve(t, OWN)
  const client = net.connect(server.address().port, '127.0.0.1')
  client.on('error', () => {})
  const ended = once(client, 'close')
  const count = () => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))
  for (let tries = 0; tries < 1000 && await count() === 0; tries++) await new Promise((resolve) => setTimeout(resolve, 5))
  assert.strictEqual(await count(), 1)
  server.closeAllConnections()
  await ended
})
