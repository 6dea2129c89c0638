'use strict'

// What the shim has for lib/http2: PING, GOAWAY, windows, push and tunnels,
// seen by a client of node:http2.

const test = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const native = require('../lib/native.js')
const { Records } = require('../lib/records.js')
const { Commands } = require('../lib/commands.js')
const { takeEvent, detailsOf } = require('../lib/session.js')
const { connect } = require('./helpers.js')

const C = native.constants
const OK = 0
const INVALID = native.statuses.indexOf('GOAWAY_ERR_INVALID')
const STATE = native.statuses.indexOf('GOAWAY_ERR_STATE')

/** A server whose records wait to be asked for. */
function open (t, patterns = ['*', 'CONNECT *']) {
  const records = new Records()
  const commands = new Commands()
  const waiting = []
  let wake = () => {}
  const server = new native.Server(() => {
    for (let count = records.take(server), number = 0; number < count; number++) {
      records.move(number)
      const { kind, id, low, high, code, flags, fields, number: value } = records
      const event = kind === C.RECORD_KIND_SESSION ? { ...takeEvent(records), details: detailsOf(takeEvent(records), records) } : null
      waiting.push({ kind, id, low, high, code, flags, fields, number: value, session: records.session, text: records.text, data: records.data, event })
    }
    wake()
  })
  for (const pattern of patterns) assert.strictEqual(server.register(pattern, 0), OK)
  assert.strictEqual(server.watch(C.WATCH_SESSIONS), OK)
  assert.strictEqual(server.listen('127.0.0.1:0'), OK)
  assert.strictEqual(server.start(), OK)
  server.ref()
  const client = connect(server.port(0))
  t.after(() => { client.destroy(); server.stop() })
  /** The next record that fits; those before it are dropped. */
  const next = async (fits) => {
    for (;;) {
      while (waiting.length > 0) {
        const record = waiting.shift()
        if (fits(record)) return record
      }
      await new Promise((resolve) => { wake = resolve })
    }
  }
  return {
    server,
    client,
    request: () => next((record) => record.kind === C.RECORD_KIND_REQUEST),
    writable: () => next((record) => record.kind === C.RECORD_KIND_WRITABLE),
    event: (kind) => next((record) => record.event?.kind === kind),
    answer (owner, kind, status, data, flags = 0) {
      commands.add(kind, { ...owner, onFailed: (_, status) => assert.fail(native.statuses[status]) }, status, flags, null, data, 0)
      commands.submit(server)
    }
  }
}

const bytes = (...fields) => Buffer.from(fields.map((text) => `${text}\0`).join(''), 'latin1')

test('a session is asked, told and widened', { timeout: 20_000 }, async (t) => {
  const { server, client, event } = open(t)
  const { session, event: settings } = await event('settings')
  assert.strictEqual(settings.details.length % 6, 0)
  await event('settingsAck')
  const { local, peer } = server.session(session)
  assert.strictEqual(local, `127.0.0.1:${server.port(0)}`)
  assert.strictEqual(peer, `127.0.0.1:${client.socket.localPort}`)

  assert.strictEqual(server.ping(session, Buffer.alloc(7)), INVALID)
  assert.strictEqual(server.ping(session, Buffer.from('8 bytes!')), OK)
  assert.strictEqual((await event('pong')).event.details.toString(), '8 bytes!')
  client.ping(Buffer.from('of peer!'), () => {})
  assert.strictEqual((await event('ping')).event.details.toString(), 'of peer!')

  const widened = once(client, 'remoteSettings')
  assert.strictEqual(server.setWindow(session, 4 << 20, 123456), OK)
  assert.strictEqual((await widened)[0].initialWindowSize, 123456)
  await event('settingsAck')

  const changed = once(client, 'remoteSettings')
  const pairs = (...numbers) => Buffer.from(Uint32Array.from(numbers).buffer)
  assert.strictEqual(server.sendSettings(session, pairs(4, 234567, 3, 50)), OK)
  const { initialWindowSize, maxConcurrentStreams } = (await changed)[0]
  assert.deepStrictEqual([initialWindowSize, maxConcurrentStreams], [234567, 50])
  assert.strictEqual((await event('settingsAck')).event.details.toString('hex'), '000400039447000300000032')
  assert.strictEqual(server.sendSettings(session, pairs(5, 1)), INVALID)
  assert.strictEqual(server.sendSettings(session, Buffer.alloc(0)), OK)
  await event('settingsAck')

  const service = once(client, 'altsvc')
  assert.strictEqual(server.sendAltsvc(session, 0, bytes('https://a.b', 'clear')), OK)
  assert.deepStrictEqual((await service).slice(0, 3), ['clear', 'https://a.b', 0])
  for (const bad of [Buffer.alloc(0), bytes('https://a.b'), bytes('', 'clear'), Buffer.from('a\0b'), bytes('https://a.b', 'c', 'd')]) {
    assert.strictEqual(server.sendAltsvc(session, 0, bad), INVALID)
  }
  assert.strictEqual(server.sendOrigin(session, bytes('https://a.b')), OK)
  assert.strictEqual(server.sendOrigin(session, Buffer.alloc(0)), OK)
  assert.strictEqual(server.sendOrigin(session, Buffer.from('https://a.b')), INVALID)

  const told = once(client, 'goaway')
  assert.strictEqual(server.sendGoaway(session, 0, 2147483647, Buffer.from('soon')), OK)
  const [code, last, debug] = await told
  assert.deepStrictEqual([code, last, debug.toString()], [0, 2147483647, 'soon'])
})

test('what is pushed is answered', { timeout: 20_000 }, async (t) => {
  const { server, client, request, answer } = open(t)
  const page = client.request({ ':path': '/' }).resume()
  const closed = once(page, 'close')
  const asked = await request()
  assert.strictEqual(asked.code, 1)
  const out = new Uint32Array(3)
  for (const bad of [bytes(':method'), bytes(':method', 'POST', ':path', '/'), Buffer.from('x'), Buffer.alloc(0)]) {
    assert.strictEqual(server.push(asked.id, bad, out), INVALID)
  }
  assert.strictEqual(server.push(asked.id, bytes(':method', 'GET', ':path', '/style', 'accept', 'text/css'), out), OK)
  const pushed = { low: out[0] | 0, high: out[1] | 0 }
  const came = once(client, 'stream')
  answer(asked, C.COMMAND_KIND_RESPOND, 200, 'page')
  const [stream, headers] = await came
  assert.deepStrictEqual([headers[':path'], headers.accept, headers[':method']], ['/style', 'text/css', 'GET'])
  assert.strictEqual(native.stream(out[1] * 2 ** 32 + out[0]), stream.id)
  const push = once(stream, 'push')
  answer(pushed, C.COMMAND_KIND_RESPOND, 200, 'style', C.COMMAND_FLAG_NO_DATE)
  const [fields] = await push
  assert.deepStrictEqual([fields[':status'], fields.date, fields['content-length']], [200, undefined, '5'])
  const chunks = []
  for await (const chunk of stream) chunks.push(chunk)
  assert.strictEqual(Buffer.concat(chunks).toString(), 'style')
  await closed
})

test('nothing is pushed to a client that wants nothing pushed', { timeout: 20_000 }, async (t) => {
  const { server, request } = open(t)
  const client = connect(server.port(0), { settings: { enablePush: false } })
  t.after(() => client.destroy())
  client.request({ ':path': '/' }).on('error', () => {})
  const { id } = await request()
  assert.strictEqual(server.push(id, bytes(':method', 'GET', ':path', '/'), new Uint32Array(3)), STATE)
})

test('an extended CONNECT says what it is for', { timeout: 20_000 }, async (t) => {
  const { client, request, answer } = open(t)
  const [settings] = await once(client, 'remoteSettings')
  assert.strictEqual(settings.enableConnectProtocol, true)
  const stream = client.request({ ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', ':scheme': 'http', ':authority': 'a' })
  const asked = await request()
  assert.deepStrictEqual(asked.text.split('\0').slice(6, 8), [':protocol', 'websocket'])
  assert.strictEqual(asked.fields, 1)
  answer(asked, C.COMMAND_KIND_HEAD, 200, null)
  const [headers, flags] = await once(stream, 'response')
  assert.deepStrictEqual([headers[':status'], headers['content-length'], flags & 1], [200, undefined, 0])
  answer(asked, C.COMMAND_KIND_END, 0, 'bye')
  const [chunk] = await once(stream, 'data')
  assert.strictEqual(chunk.toString(), 'bye')
})

test('a WRITE with NOTIFY_SENT is told when all of it has left', { timeout: 20_000 }, async (t) => {
  const { client, request, answer, writable } = open(t)
  await once(client, 'remoteSettings')
  client.settings({ initialWindowSize: 1000 })
  await once(client, 'localSettings')
  const stream = client.request()
  const asked = await request()
  answer(asked, C.COMMAND_KIND_HEAD, 200, null)
  let isTold = false
  const told = writable().then((record) => { isTold = true; return record })
  answer(asked, C.COMMAND_KIND_WRITE, 0, 'x'.repeat(5000), C.COMMAND_FLAG_NOTIFY_SENT)
  await once(stream, 'response')
  await new Promise((resolve) => client.ping(resolve)) // what could be sent has been by now
  assert.strictEqual(isTold, false)
  stream.resume()
  assert.strictEqual((await told).number, 0)
})
