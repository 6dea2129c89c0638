'use strict'

// The library's log: to the program's function, or as process warnings; and
// what a server counts of what it refuses.

const assert = require('node:assert')
const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const net = require('node:net')
const os = require('node:os')
const { join } = require('node:path')
const { test, after, afterEach } = require('node:test')
const tls = require('node:tls')
const { Server, Tls, setLog } = require('..')
const { until } = require('./helpers.js')

const folder = fs.mkdtempSync(join(os.tmpdir(), 'goaway-log-'))
after(() => fs.rmSync(folder, { recursive: true }))
afterEach(() => setLog(null))

const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore', cwd: folder })
const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
openssl('req', '-x509', ...EC, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', 'good.key', '-out', 'good.pem')
// Without extensions it is of X.509 version 1, of which clients are warned.
openssl('req', ...EC, '-subj', '/CN=old', '-keyout', 'old.key', '-out', 'old.csr')
openssl('x509', '-req', '-in', 'old.csr', '-signkey', 'old.key', '-days', '2', '-out', 'old.pem')
const file = (name) => join(folder, name)
const GOOD = { certFile: file('good.pem'), keyFile: file('good.key') }
const OLD = { certFile: file('old.pem'), keyFile: file('old.key') }

async function serve (t, address, limits) {
  const server = new Server({ limits })
  t.after(() => server.close({ drainMs: 0 }))
  server.register('GET /', (request) => request.respond(200, 'hello'))
  return server.start({ bind: { port: 0, ...address } })
}

/** What a connection gets that says this. */
function say (server, words) {
  return new Promise((resolve) => {
    let come = ''
    const socket = net.connect(server.port, '127.0.0.1', () => socket.write(words))
    socket.setEncoding('latin1').on('data', (text) => { come += text })
    socket.on('error', () => {}).on('close', () => resolve(come))
  })
}

/** Resolves when `lines` has one with these words. */
async function expectLine (lines, words) {
  for (let turn = 0; turn < 1000; turn++) {
    const found = lines.find(({ message }) => message.includes(words))
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.fail(`no line with "${words}" in ${JSON.stringify(lines)}`)
}

test('by default warnings are process warnings', async (t) => {
  const warned = once(process, 'warning')
  new Tls(OLD) // eslint-disable-line no-new
  const [warning] = await warned
  assert.strictEqual(warning.name, 'GoawayWarning')
  assert.strictEqual(warning.code, 'GOAWAY_LOG')
  assert.match(warning.message, /old\.pem.*version 1/)
  const later = []
  process.on('warning', (warning) => later.push(warning))
  t.after(() => process.removeAllListeners('warning'))
  const server = await serve(t, { tls: GOOD })
  await say(server, 'GET / HTTP/1.1\r\n\r\n') // information, and no warning
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepStrictEqual(later, [])
})

test('a function gets each line up to its level', async (t) => {
  const lines = []
  setLog((line) => lines.push(line))
  new Tls(OLD) // eslint-disable-line no-new
  assert.strictEqual(lines.length, 1, 'at once, since nobody else said it')
  assert.deepStrictEqual({ ...lines[0], message: '' }, { level: 'warn', target: 'goaway::tls::certificate', message: '' })
  const server = await serve(t, { tls: GOOD })
  await say(server, 'nonsense')
  const { level, message } = await expectLine(lines, 'the TLS handshake failed: ')
  assert.strictEqual(level, 'info')
  assert.match(message, /peer=127\.0\.0\.1:\d+$/)

  const others = []
  setLog((line) => others.push(line), { level: 'warn' })
  const before = lines.length
  await say(server, 'nonsense')
  new Tls(OLD) // eslint-disable-line no-new
  assert.strictEqual(lines.length, before, 'the last function counts')
  assert.deepStrictEqual(others.map(({ level }) => level), ['warn'])
  setLog((line) => others.push(line), { level: 'off' })
  new Tls(OLD) // eslint-disable-line no-new
  assert.strictEqual(others.length, 1)
  for (const wrong of [[undefined], ['x'], [() => {}, { level: 'loud' }], [null, { level: 5 }]]) {
    assert.throws(() => setLog(...wrong), { code: 'GOAWAY_ERR_INVALID' })
  }
})

test('what is refused is counted, and said so often and no more', async (t) => {
  const lines = []
  setLog((line) => lines.push(line))
  const server = await serve(t, { tls: GOOD }, { sessionsPerAddress: 2 })
  assert.deepStrictEqual(server.counts(), { sessionsRefused: 0, handshakesFailed: 0, proxiesRefused: 0 })
  // Each is over for the server too before the next comes: two at once are too many.
  const isIdle = () => server.sessions().length === 0
  for (let count = 0; count < 25; count++) {
    await say(server, 'nonsense')
    await until(isIdle, 'the end of the session')
  }
  // Who says nothing has not failed.
  await new Promise((resolve) => net.connect(server.port, '127.0.0.1').on('connect', function () { this.end() }).on('close', resolve).resume())
  await until(isIdle, 'the end of the session')
  const held = await Promise.all([0, 1].map(async () => {
    const socket = tls.connect({ port: server.port, rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    return socket
  }))
  await say(server, 'one too many')
  assert.deepStrictEqual(server.counts(), { sessionsRefused: 1, handshakesFailed: 25, proxiesRefused: 0 })
  assert.strictEqual((await expectLine(lines, 'refused: the limit of sessions from one address')).level, 'warn')
  held.forEach((socket) => socket.destroy())
  await server.close()
  await expectLine(lines, '15 more TLS handshakes that failed were left out of the log')
  assert.strictEqual(lines.filter(({ message }) => message.startsWith('the TLS handshake failed')).length, 10)
  assert.deepStrictEqual(server.counts(), { sessionsRefused: 1, handshakesFailed: 25, proxiesRefused: 0 })
})

test('a refused PROXY header is counted and said', async (t) => {
  const lines = []
  setLog((line) => lines.push(line))
  const server = await serve(t, { proxy: '10.0.0.0/8' })
  await say(server, 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nGET / HTTP/1.1\r\n\r\n')
  assert.match((await expectLine(lines, 'refused: ')).message, /127\.0\.0\.1:\d+ is no proxy that is trusted/)
  const trusting = await serve(t, { proxy: '*' })
  await say(trusting, 'GET / HTTP/1.1\r\n\r\n')
  assert.strictEqual(server.counts().proxiesRefused, 1)
  assert.strictEqual(trusting.counts().proxiesRefused, 1)
})

test('plain HTTP on a port of TLS is told so', async (t) => {
  const server = await serve(t, { tls: GOOD })
  for (const method of ['GET', 'HEAD', 'POST', 'PROPFIND']) {
    const come = await say(server, `${method} /x HTTP/1.1\r\nhost: a\r\n\r\n`)
    assert.match(come, /^HTTP\/1\.1 400 Bad Request\r\n[^]*content-type: text\/plain[^]*\r\n\r\nThis port speaks TLS/)
  }
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0'
  const come = Buffer.from(await say(server, preface), 'latin1')
  assert.deepStrictEqual([...come.subarray(0, 9)], [0, 0, 0, 4, 0, 0, 0, 0, 0], 'SETTINGS')
  assert.deepStrictEqual([come[12], come[25]], [7, 0xc], 'GOAWAY, INADEQUATE_SECURITY')
  assert.match(come.subarray(26).toString(), /^This port speaks TLS/)
  assert.strictEqual(server.counts().handshakesFailed, 5)
})

test('a worker thread has its own function, and may end with lines on their way', async () => {
  const program = `
    const { Worker, isMainThread } = require('node:worker_threads')
    const { Tls, Server, setLog } = require(${JSON.stringify(join(__dirname, '..'))})
    if (isMainThread) {
      process.on('warning', () => process.exit(9)) // those of workers are theirs
      const workers = Array.from({ length: 4 }, () => new Worker(__filename))
      Promise.all(workers.map((worker) => new Promise((resolve, reject) => {
        worker.on('error', reject).on('exit', resolve)
      }))).then(() => console.log('ended'))
    } else {
      let lines = 0
      setLog(() => { lines++ }, { level: 'debug' })
      for (let count = 0; count < 20; count++) new Tls(${JSON.stringify(OLD)})
      if (lines < 20) throw new Error(String(lines))
      const server = new Server().listen(0)
      server.start().then(() => process.exit())
    }`
  const path = file('workers.js')
  fs.writeFileSync(path, program)
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 30_000 })
  let out = ''
  child.stdout.setEncoding('utf8').on('data', (text) => { out += text })
  const [code] = await once(child, 'close')
  assert.deepStrictEqual([code, out], [0, 'ended\n'])
})
