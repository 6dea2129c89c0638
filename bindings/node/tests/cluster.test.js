'use strict'

// Several processes on one socket, and their replacement under load.

const { test } = require('node:test')
const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const { once } = require('node:events')
const { closeSync, mkdtempSync, rmSync } = require('node:fs')
const http2 = require('node:http2')
const net = require('node:net')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const tls = require('node:tls')
const { Listener, Server } = require('../index.js')
const { start, connect, send } = require('./helpers.js')

/** Whether the library takes a socket that listens already. */
function takesSockets () {
  const listener = new Listener('127.0.0.1:0')
  const server = new Server()
  try {
    server.listen({ fd: listener.fd })
    return server.port === listener.port
  } catch (error) {
    assert.strictEqual(error.code, 'GOAWAY_ERR_ADDRESS')
    return false
  } finally {
    server.close()
    listener.close()
  }
}

const skip = takesSockets() ? false : 'this library takes no socket that listens already'

test('a listener has a port, is refused a taken one, and is closed once', () => {
  const listener = new Listener({ host: '127.0.0.1', port: 0 })
  assert.ok(listener.port > 0 && listener.fd > 2)
  assert.throws(() => new Listener(listener.port), { code: 'GOAWAY_ERR_ADDRESS_IN_USE' })
  assert.throws(() => new Listener('nonsense'), { code: 'GOAWAY_ERR_ADDRESS' })
  assert.throws(() => new Listener('256.0.0.1:1'), { code: 'GOAWAY_ERR_ADDRESS' })
  listener.close()
  listener.close()
  assert.throws(() => closeSync(listener.fd), { code: 'EBADF' })
})

test('one process may serve on its own listener', { skip }, async (t) => {
  const listener = new Listener('[::1]:0')
  const server = new Server({ limits: { workers: 1 } })
  server.register('GET /', (request) => request.respond(200, 'hi'))
  await server.start({ bind: { fd: listener.fd } })
  listener.close()
  t.after(() => server.close({ drainMs: 0 }))
  const client = http2.connect(`http://[::1]:${server.port}`)
  const { status, body, error } = await send(client, '/', { headers: { ':authority': `[::1]:${server.port}` } })
  assert.deepStrictEqual([status, body, error], [200, 'hi', undefined])
  client.close()
  await server.close()
})

const REFUSED_STREAM = 7

// One connection after another, each asking twice. What a worker that leaves has
// not processed it says so, and the client asks again; nothing else may fail. A
// connection that ends before the server's SETTINGS was none yet when its worker
// left: a client that is slow to speak (docs/close.md) asks again, too.
async function press (port, seen, goesOn) {
  while (goesOn()) {
    const client = connect(port)
    let isSession = false
    client.once('remoteSettings', () => { isSession = true })
    for (let count = 0; count < 2 && !client.closed && !client.destroyed; count++) {
      const { status, body, code, error } = await send(client, '/')
      if (status === 200) seen.add(body)
      else if (error?.code === 'ECONNREFUSED') throw error
      else if (isSession && code !== REFUSED_STREAM && error?.code !== 'ERR_HTTP2_GOAWAY_SESSION') throw error ?? new Error(`status ${status}, code ${code}`)
    }
    client.close()
  }
}

test('every worker of a cluster is replaced under load, and nothing fails', { skip }, async () => {
  const { child, port, exited } = start('cluster.js')
  const seen = new Set()
  let over = false
  await port
  const pressing = Promise.all(Array.from({ length: 8 }, async () => press(await port, seen, () => !over)))
  child.send('replace')
  await Promise.race([once(child, 'message'), pressing, exited]).finally(() => { over = true })
  await pressing
  assert.ok(seen.size >= 4, `${seen.size} processes answered`)
  child.send('leave')
  const { code, stderr } = await exited
  assert.deepStrictEqual([code, stderr], [0, ''])
})

// ---- programs for the cluster module ----

function certificate (t) {
  const folder = mkdtempSync(join(tmpdir(), 'goaway-cluster-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [keyFile, certFile] = ['key.pem', 'cert.pem'].map((name) => join(folder, name))
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
  return [keyFile, certFile]
}

for (const policy of ['rr', 'none']) {
  for (const what of ['a port', 'a path', 'TLS']) {
    test(`workers of the cluster module serve and leave: ${policy}, ${what}`, { timeout: 60_000 }, async (t) => {
      const path = what === 'a path' ? join(tmpdir(), `goaway-cluster-${process.pid}-${policy}.sock`) : ''
      const files = what === 'TLS' ? certificate(t) : []
      const { child, port } = start('cluster-http2.js', [policy, path, ...files])
      const where = path === '' ? { port: await port, host: '127.0.0.1' } : (await port, { path })
      const workers = new Set()
      const clients = []
      for (let count = 0; count < 6; count++) {
        const socket = files.length > 0 ? tls.connect({ ...where, rejectUnauthorized: false, ALPNProtocols: ['h2'] }) : net.connect(where)
        socket.on('error', () => {})
        const client = http2.connect('http://localhost', { createConnection: () => socket })
        client.on('error', () => {})
        clients.push(client)
        const { status, body } = await send(client, '/')
        assert.strictEqual(status, 200)
        const { pid, remoteAddress, remotePort } = JSON.parse(body)
        workers.add(pid)
        if (path === '') assert.deepStrictEqual([remoteAddress, remotePort], ['127.0.0.1', socket.localPort])
      }
      if (policy === 'rr') assert.strictEqual(workers.size, 2)
      // They leave although their clients stay.
      const left = once(child, 'message')
      child.send('leave')
      const [{ codes, ms }] = await left
      assert.deepStrictEqual(codes, [0, 0])
      assert.ok(ms < 10_000, `${ms} ms`)
      for (const client of clients) client.destroy()
    })
  }
}
