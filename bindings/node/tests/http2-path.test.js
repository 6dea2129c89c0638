'use strict'

// goaway/http2's server on a Unix socket: every form of listen that has a path.

const assert = require('node:assert')
const { once } = require('node:events')
const fs = require('node:fs')
const nodeHttp2 = require('node:http2')
const net = require('node:net')
const os = require('node:os')
const { join } = require('node:path')
const { Duplex } = require('node:stream')
const { test, after } = require('node:test')
const goaway = require('../http2.js')
const { send } = require('./helpers.js')

const folder = fs.mkdtempSync(join(os.tmpdir(), 'goaway-path-'))
after(() => fs.rmSync(folder, { recursive: true }))
let made = 0
const place = () => join(folder, `socket?%${made++}`)

const answer = (request, response) => response.end(`${request.url} ${request.socket.remoteAddress}`)

/** A server that listens, and ends with the test. */
async function serve (t, ...where) {
  const server = goaway.createServer({ drainMs: 0 }, answer)
  t.after(() => new Promise((resolve) => { server.close(resolve) }))
  server.listen(...where)
  await once(server, 'listening')
  return server
}

/** What GET / there is answered. */
async function ask (path) {
  const client = nodeHttp2.connect('http://localhost', { createConnection: () => net.connect(path) })
  client.on('error', () => {})
  const { body } = await send(client, '/')
  client.close()
  return body
}

/** The error of a listen, as a program sees it. */
async function refusal (create, ...where) {
  const server = create()
  const refused = once(server, 'error')
  server.listen(...where)
  const [{ code, errno, syscall, address, port, message }] = await refused
  assert.strictEqual(server.listening, false)
  return { code, errno, syscall, address, port, message }
}

test('a path, alone or among options', async (t) => {
  const forms = [(path) => [path], (path) => [{ path }], (path) => [path, 5], (path) => [{ path, backlog: 100000, exclusive: true }]]
  for (const form of forms) {
    const path = place()
    const server = await serve(t, ...form(path))
    assert.strictEqual(server.address(), path)
    assert.strictEqual(await ask(path), '/ undefined')
    const closed = once(server, 'close')
    server.close()
    assert.strictEqual(server.address(), null)
    await closed
    assert.ok(!fs.existsSync(path), 'its file is gone')
    server.listen(path, () => {})
    await once(server, 'listening')
    assert.strictEqual(await ask(path), '/ undefined')
  }
})

test('a relative path, and a name without a file', async (t) => {
  const before = process.cwd()
  process.chdir(folder)
  t.after(() => process.chdir(before))
  const server = await serve(t, '@relative')
  assert.strictEqual(server.address(), '@relative')
  assert.ok(fs.existsSync(join(folder, '@relative')))
  assert.strictEqual(await ask('./@relative'), '/ undefined')
  // Node.js 20 knows no such names itself.
  if (process.platform !== 'linux' || Number(process.versions.node.split('.')[0]) < 22) return
  const name = `\0goaway-path-${process.pid}`
  const abstract = await serve(t, { path: name, readableAll: true })
  assert.strictEqual(abstract.address(), name)
  assert.strictEqual(await ask(name), '/ undefined')
})

test('who may connect', async (t) => {
  const modeOf = async (options) => {
    const path = place()
    await serve(t, { path, ...options })
    return fs.statSync(path).mode & 0o777
  }
  const usual = await modeOf({})
  for (const [options, more] of [[{ readableAll: true }, 0o444], [{ writableAll: true }, 0o222], [{ readableAll: true, writableAll: true }, 0o666]]) {
    assert.strictEqual(await modeOf(options), usual | more, JSON.stringify(options))
  }
})

test('a stale file is taken over, one in use is not, and errors are those of node:net', async (t) => {
  const stale = place()
  const dead = net.createServer().listen(stale)
  await once(dead, 'listening')
  fs.renameSync(stale, `${stale}.kept`) // which node:net does not find to remove
  await new Promise((resolve) => { dead.close(resolve) })
  fs.renameSync(`${stale}.kept`, stale)
  await serve(t, stale)
  assert.strictEqual(await ask(stale), '/ undefined')

  const file = place()
  fs.writeFileSync(file, 'kept')
  for (const path of [stale, file, join(folder, 'no', 'such', 'folder')]) {
    assert.deepStrictEqual(await refusal(() => goaway.createServer(), path), await refusal(() => net.createServer(), path), path)
  }
  assert.strictEqual(fs.readFileSync(file, 'utf8'), 'kept')
  assert.strictEqual(await ask(stale), '/ undefined')
})

test('the file of somebody else stays', async (t) => {
  const path = place()
  const server = await serve(t, path)
  fs.unlinkSync(path)
  const other = net.createServer().listen(path)
  await once(other, 'listening')
  const closed = once(server, 'close')
  server.close()
  await closed
  assert.ok(fs.existsSync(path))
  other.close()
})

test('a connection that is given goes to it too', async (t) => {
  const path = place()
  const server = await serve(t, path)
  const [ours, theirs] = pair()
  server.emit('connection', ours)
  const client = nodeHttp2.connect('http://localhost', { createConnection: () => theirs })
  client.on('error', () => {})
  assert.strictEqual((await send(client, '/given')).body, '/given undefined')
  client.destroy()
})

/** Two ends of a pipe. */
function pair () {
  const ends = [0, 1].map((own) => new Duplex({
    read () {},
    write (chunk, _, done) {
      ends[1 - own].push(chunk)
      done()
    },
    final (done) {
      ends[1 - own].push(null)
      done()
    }
  }))
  return ends
}

test('Fastify listens on a path', { skip: Number(process.versions.node.split('.')[0]) < 20 }, async () => {
  const { serverFactory } = require('../fastify.js')
  const app = require('fastify')({ http2: true, serverFactory })
  app.get('/', async () => 'fast')
  const path = place()
  await app.listen({ path })
  assert.strictEqual(await ask(path), 'fast')
  await app.close()
  assert.ok(!fs.existsSync(path))
})
