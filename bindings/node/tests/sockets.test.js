'use strict'

// Unix sockets, options of sockets, and sockets that one server hands to the next.

const { test } = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { closeSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } = require('node:fs')
const http2 = require('node:http2')
const net = require('node:net')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { Listener, Server } = require('../index.js')
const { send } = require('./helpers.js')

function folder (t) {
  const path = mkdtempSync(join(tmpdir(), 'goaway-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function serving (t) {
  const server = new Server({ limits: { workers: 1 } })
  server.register('GET /', (request) => request.respond(200, request.peer))
  t.after(() => server.close({ drainMs: 0 }))
  return server
}

/** What is answered to whoever connects so, perhaps behind some first bytes. */
async function ask (where, first) {
  const socket = net.connect(where)
  await once(socket, 'connect')
  if (first !== undefined) socket.write(first)
  const client = http2.connect('http://localhost', { createConnection: () => socket })
  client.on('error', () => {})
  const { status, body, error } = await send(client, '/')
  client.close()
  if (error) throw error
  assert.strictEqual(status, 200)
  return body
}

test('it serves on a Unix socket', async (t) => {
  const path = join(folder(t), 'a?b.sock')
  const server = serving(t)
  await server.start({ bind: [{ path, mode: 0o600, backlog: 7 }, '127.0.0.1:0'] })
  assert.deepStrictEqual(server.addresses, [`unix:${path}`, `127.0.0.1:${server.ports[1]}`])
  assert.strictEqual(server.port, 0)
  assert.strictEqual(statSync(path).mode & 0o777, 0o600)
  assert.strictEqual(await ask({ path }), `unix:pid=${process.pid},uid=${process.getuid()}`)
  assert.throws(() => new Server().listen({ path }), { code: 'GOAWAY_ERR_ADDRESS_IN_USE' })
  await server.close()
  assert.ok(!existsSync(path))
})

test('a name needs no file', { skip: process.platform !== 'linux' }, async (t) => {
  const server = serving(t)
  await server.start({ bind: { path: `\0goaway-${process.pid}` } })
  assert.deepStrictEqual(server.addresses, [`unix:@goaway-${process.pid}`])
  await server.close()
})

test('options are checked by the library', () => {
  const server = new Server()
  for (const [address, why] of [
    [{ port: 0, backlog: 0 }, /"backlog" cannot be "0"/],
    [{ port: 0, mode: 0o600 }, /"mode" says nothing/],
    [{ path: '/a', keepalive: 1 }, /"keepalive" says nothing/],
    [{ port: 0, keepaliveCount: 1 }, /without "keepalive"/],
    [{ port: 0, proxy: 'localhost' }, /"proxy" cannot be/],
    [{ fd: 1 }, /no socket|not listen|no stream/],
    ['systemd:', /LISTEN_FDS/],
    [{ systemd: '' }, /LISTEN_FDS/],
    [{ systemd: 'web' }, /LISTEN_FDS/]
  ]) assert.throws(() => server.listen(address), { code: 'GOAWAY_ERR_ADDRESS', message: why })
  for (const wrong of [{ systemd: 5 }, { systemd: 'a?b' }, { systemd: 'web', fd: 3 }, { systemd: '', port: 0 }]) {
    assert.throws(() => server.listen(wrong), { code: 'GOAWAY_ERR_INVALID' })
  }
  server.listen({ host: '127.0.0.1', reusePort: true, keepalive: 60, keepaliveInterval: 10, keepaliveCount: 3 })
  new Server().listen({ host: '127.0.0.1', port: server.port, reusePort: true }).close()
  server.close()
})

test('the client behind a proxy is the peer', async (t) => {
  const server = serving(t)
  await server.start({ bind: { proxy: ['10.0.0.0/8', '127.0.0.1'], proxyMs: 1000 } })
  const where = { port: server.port, host: '127.0.0.1' }
  assert.strictEqual(await ask(where, 'PROXY TCP4 192.0.2.1 192.0.2.2 8080 80\r\n'), '192.0.2.1:8080')
  const told = []
  server.once('session', (session) => {
    session.on('error', (error) => told.push(error.message))
    session.on('closed', ({ cause }) => told.push(cause))
  })
  await assert.rejects(ask(where))
  await server.close()
  assert.deepStrictEqual(told, ['it does not begin with a PROXY header', 'proxy'])
})

test('TLVs of a PROXY header are read', async (t) => {
  const server = new Server()
  server.register('GET /', (request) => {
    const read = (kind) => request.session.proxyTlv(kind)?.toString('latin1') ?? null
    for (const bad of [-1, 256, 1.5, '2']) assert.throws(() => request.session.proxyTlv(bad), { code: 'GOAWAY_ERR_INVALID' })
    request.respond(200, JSON.stringify([read(2), read(0x21), read(5)]))
  })
  t.after(() => server.close({ drainMs: 0 }))
  await server.start({ bind: { proxy: '127.0.0.1' } })
  const tlvs = Buffer.from('\x02\0\x04shop\x20\0\x0f\x07\0\0\0\0\x21\0\x07TLSv1.3', 'latin1')
  const addresses = Buffer.from([192, 0, 2, 1, 192, 0, 2, 2, 0, 9, 0, 80])
  const header = Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\0', 'latin1'), Buffer.from([addresses.length + tlvs.length]), addresses, tlvs])
  assert.strictEqual(await ask({ port: server.port, host: '127.0.0.1' }, header), '["shop","TLSv1.3",null]')
})

test('what is handed over goes on', async (t) => {
  const path = join(folder(t), 'a.sock')
  const server = serving(t)
  await server.start({ bind: { path } })
  const fd = server.handOver()
  assert.throws(() => server.handOver(1), { code: 'GOAWAY_ERR_NOT_FOUND' })
  const successor = serving(t)
  successor.listen({ fd })
  closeSync(fd)
  await server.close()
  assert.throws(() => server.handOver(), { code: 'GOAWAY_ERR_STATE' })
  // It has not started: who connects waits.
  const waiting = ask({ path })
  await successor.start()
  assert.match(await waiting, /^unix:pid=/)
})

test('a listener on a Unix socket removes its file, and no other', (t) => {
  const path = join(folder(t), 'a.sock')
  const listener = new Listener({ path })
  assert.deepStrictEqual([listener.port, listener.address], [0, `unix:${path}`])
  assert.throws(() => new Listener({ path }), { code: 'GOAWAY_ERR_ADDRESS_IN_USE' })
  listener.close()
  assert.ok(!existsSync(path))
  const replaced = new Listener({ path })
  rmSync(path)
  writeFileSync(path, '')
  replaced.close()
  assert.ok(existsSync(path))
})
