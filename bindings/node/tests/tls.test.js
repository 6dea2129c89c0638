'use strict'

// TLS: what node:http2's client sees, and what the server knows of it.

const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const { X509Certificate } = require('node:crypto')
const fs = require('node:fs')
const http2 = require('node:http2')
const os = require('node:os')
const { join } = require('node:path')
const { test, after } = require('node:test')
const tls = require('node:tls')
const { Server, Tls } = require('..')
const { send } = require('./helpers.js')

const folder = fs.mkdtempSync(join(os.tmpdir(), 'goaway-tls-'))
after(() => fs.rmSync(folder, { recursive: true }))

/** A certificate for `localhost` that is its own authority: files and texts. */
function make (name) {
  const [certFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)]
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost', '-keyout', keyFile, '-out', certFile
  ], { stdio: 'ignore' })
  return { certFile, keyFile, cert: fs.readFileSync(certFile, 'utf8'), key: fs.readFileSync(keyFile, 'utf8') }
}

/** A client that an authority vouches for. */
function sign (authority, name) {
  const [certFile, keyFile, request] = ['pem', 'key', 'csr'].map((end) => join(folder, `${name}.${end}`))
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore' })
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', request)
  const more = join(folder, 'ext')
  fs.writeFileSync(more, 'basicConstraints=CA:FALSE\n')
  openssl('x509', '-req', '-in', request, '-CA', authority.certFile, '-CAkey', authority.keyFile, '-CAcreateserial', '-days', '2', '-extfile', more, '-out', certFile)
  return { cert: fs.readFileSync(certFile, 'utf8'), key: fs.readFileSync(keyFile, 'utf8') }
}

const [one, two] = [make('one'), make('two')]

async function serve (tls, limits = {}) {
  const server = new Server({ limits })
  server.register('GET /', (request) => {
    server.seen = request.session.tls
    return request.respond(200, 'hello')
  })
  return server.start({ bind: { port: 0, tls } })
}

function connect (server, trusted, more = {}) {
  const client = http2.connect(`https://localhost:${server.port}`, { ca: trusted.cert, ...more })
  client.on('error', (error) => { client.failed = error })
  return client
}

async function get (server, trusted, more) {
  const client = connect(server, trusted, more)
  const answer = await send(client, '/')
  client.close()
  if (answer.status === 0) throw client.failed ?? answer.error ?? new Error('no answer')
  return answer
}

test('a server speaks TLS, and its sessions say what', async () => {
  const server = await serve({ cert: one.cert, key: Buffer.from(one.key) })
  assert.strictEqual((await get(server, one)).body, 'hello')
  const { version, versionNumber, alpn, serverName, resumed, certificates, cipher } = server.seen
  assert.deepStrictEqual(
    { version, versionNumber, alpn, serverName, resumed, certificates },
    { version: 'TLSv1.3', versionNumber: 0x304, alpn: 'h2', serverName: 'localhost', resumed: false, certificates: [] }
  )
  assert.match(cipher, /^TLS_/)
  await server.close()
})

test('the end of a handshake is told, though no HTTP is spoken', async () => {
  const server = await serve({ cert: one.cert, key: one.key })
  const secured = new Promise((resolve) => {
    server.once('session', (session) => session.once('secured', () => resolve(session.tls)))
  })
  const client = tls.connect({ host: 'localhost', servername: 'localhost', port: server.port, ca: one.cert, ALPNProtocols: ['h2'] })
  client.on('error', () => {})
  const { version, alpn, serverName } = await secured
  assert.deepStrictEqual([version, alpn, serverName], ['TLSv1.3', 'h2', 'localhost'])
  client.destroy()
  await server.close()
})

test('a session without TLS has none', async () => {
  const server = new Server()
  server.register('GET /', (request) => request.respond(200, String(request.session.tls)))
  await server.start({ bind: 0 })
  const client = http2.connect(`http://127.0.0.1:${server.port}`)
  assert.strictEqual((await send(client, '/')).body, 'null')
  client.close()
  await server.close()
})

test('clients show certificates', async () => {
  const [friend, stranger] = [sign(one, 'friend'), sign(two, 'stranger')]
  const server = await serve({ cert: one.cert, key: one.key, requestCert: true, ca: one.cert })
  await get(server, one, friend)
  assert.strictEqual(new X509Certificate(server.seen.certificates[0]).subject, 'CN=friend')
  await assert.rejects(get(server, one))
  await assert.rejects(get(server, one, stranger))
  await server.close()

  const lenient = await serve({ certFile: one.certFile, keyFile: one.keyFile, requestCert: true, rejectUnauthorized: false, ca: one.cert })
  await get(lenient, one, stranger)
  assert.notStrictEqual(lenient.seen.clientError, '')
  await get(lenient, one, friend)
  assert.strictEqual(lenient.seen.clientError, '')
  await get(lenient, one)
  assert.deepStrictEqual(lenient.seen.certificates, [])
  await lenient.close()
})

test('new certificates without a restart', async () => {
  const files = { certFile: join(folder, 'c.pem'), keyFile: join(folder, 'c.key') }
  fs.copyFileSync(one.certFile, files.certFile)
  fs.copyFileSync(one.keyFile, files.keyFile)
  const tls = new Tls(files)
  const server = await serve(tls)
  const held = connect(server, one)
  assert.strictEqual((await send(held, '/')).body, 'hello')
  fs.copyFileSync(two.certFile, files.certFile)
  assert.throws(() => tls.reload(), { code: 'GOAWAY_ERR_TLS', message: /c\.key": the key is not that of the certificate/ })
  await get(server, one)
  fs.copyFileSync(two.keyFile, files.keyFile)
  tls.reload()
  await get(server, two)
  await assert.rejects(get(server, one))
  tls.replace({ cert: one.cert, key: one.key })
  await get(server, one)
  assert.strictEqual((await send(held, '/')).body, 'hello')
  held.close()
  await server.close()
})

test('what cannot be is named', () => {
  const refused = (options, code, message) => assert.throws(() => new Tls(options), { code, message })
  refused({ certFile: join(folder, 'no.pem') }, 'GOAWAY_ERR_IO', /no\.pem.*No such file/)
  refused({ cert: one.key }, 'GOAWAY_ERR_TLS', /the certificate: there is no certificate in it, only a private key/)
  refused({ cert: one.cert, key: two.key }, 'GOAWAY_ERR_TLS', /the key is not that of the certificate/)
  refused({ pfx: Buffer.alloc(1) }, 'GOAWAY_ERR_INVALID', /pfx is not taken/)
  refused({ ciphers: 'ALL' }, 'GOAWAY_ERR_INVALID', /there is no TLS option "ciphers"/)
  refused({ cert: [one.cert, two.cert], key: [one.key] }, 'GOAWAY_ERR_INVALID', /2 cert and 1 key/)
  refused({ minVersion: 'TLSv1.1' }, 'GOAWAY_ERR_INVALID', /minVersion/)
  refused({ clients: 'some' }, 'GOAWAY_ERR_INVALID', /clients is some/)
  refused({ cert: 1 }, 'GOAWAY_ERR_INVALID', /cert is neither/)
  // Of a list the member that is bad.
  const damaged = one.cert.replace(/\n.{64}\n(?!.*-----)/, '\n')
  const damagedFile = join(folder, 'damaged.pem')
  fs.writeFileSync(damagedFile, damaged)
  refused({ cert: [one.cert, damaged], key: [one.key, one.key] }, 'GOAWAY_ERR_TLS', /^cert\[1\]: the certificate: certificate 1 in line 1 cannot be read/)
  refused({ certFile: [one.certFile, damagedFile], keyFile: [one.keyFile, one.keyFile] }, 'GOAWAY_ERR_TLS', /^certFile\[1\]: .*damaged\.pem": certificate 1/)
  refused({ ...one, cert: undefined, key: undefined, requestCert: true, ca: [one.cert, damaged, two.cert] }, 'GOAWAY_ERR_TLS', /the authorities: certificate 2 in line \d+ cannot be read/)
  refused({ ...one, cert: undefined, key: undefined, requestCert: true, ca: one.cert, caFile: one.certFile }, 'GOAWAY_ERR_INVALID', /both ca and caFile/)
  assert.throws(() => new Server().listen({ port: 0, tls: {} }), { code: 'GOAWAY_ERR_INVALID', message: /no certificate/ })
  assert.throws(() => Tls.prototype.reload.call({}), TypeError)
})

test('the peers of a server that closes are told in TLS', async () => {
  const server = await serve({ ...one, certFile: undefined, keyFile: undefined })
  const client = connect(server, one)
  await send(client, '/')
  const told = new Promise((resolve) => client.once('goaway', resolve))
  const report = await server.close()
  assert.strictEqual(await told, 0)
  assert.strictEqual(report.sessionsGraceful, 1)
})
