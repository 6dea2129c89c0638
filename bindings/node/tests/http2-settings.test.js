'use strict'

// SETTINGS of both sides, with node:http2 and with goaway/http2: what a program
// changes, what its peer is told, and what then holds.

const test = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const plain = require('node:http2')
const ours = require('../http2.js')
const { connect, until } = require('./helpers.js')
const { Frames, HEADERS, DATA, RST_STREAM, SETTINGS, END_STREAM, ACK } = require('./frames.js')

const PATIENCE_MS = 10_000
const REFUSED_STREAM = 7
/** Node.js 18 knows no settings without a name. */
const knowsCustom = plain.getPackedSettings({ customSettings: { 5000: 1 } }).length > 0

/** Runs `act(session, client, server)` once both sides have acknowledged their first SETTINGS. */
async function withSession (http2, act, { options, client: given } = {}) {
  const server = http2.createServer(options)
  server.on('stream', (stream) => {
    stream.respond()
    stream.end()
  })
  const opened = once(server, 'session')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect(server.address().port, given)
  const [session] = await opened
  await until(() => !session.pendingSettingsAck && !client.pendingSettingsAck, 'the acknowledgement of all settings')
  try {
    await act(session, client, server)
  } finally {
    client.destroy()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** Changes settings; gives the client's view, and in which order the server was told. */
async function change (session, client, changes) {
  const told = []
  const seen = once(client, 'remoteSettings')
  const local = once(session, 'localSettings').then(([settings]) => {
    told.push('localSettings')
    return settings
  })
  const called = new Promise((resolve) => {
    session.settings(changes, (error, settings, ms) => {
      told.push('callback')
      resolve({ error, settings, ms })
    })
  })
  assert.strictEqual(session.pendingSettingsAck, true)
  const [[remote], { error, settings, ms }] = [await seen, await called]
  assert.strictEqual(error, null)
  assert.ok(ms >= 0)
  assert.strictEqual(await local, settings)
  assert.strictEqual(session.localSettings, settings)
  assert.strictEqual(session.pendingSettingsAck, false)
  return { remote, local: settings, told }
}

for (const [name, http2] of [['node:http2', plain], ['goaway/http2', ours]]) {
  test(`each setting can be changed: ${name}`, () => withSession(http2, async (session, client) => {
    const changes = [
      { initialWindowSize: 300_000 },
      { maxConcurrentStreams: 7 },
      { maxConcurrentStreams: 0 },
      { maxHeaderListSize: 5000 },
      { maxHeaderSize: 6000 },
      { maxFrameSize: 20_000 },
      { headerTableSize: 100 },
      { enableConnectProtocol: true },
      { initialWindowSize: 100, maxFrameSize: 16_384, headerTableSize: 4096, maxConcurrentStreams: 50, enablePush: false }
    ]
    for (const one of changes) {
      const { remote, local, told } = await change(session, client, one)
      for (const key in one) {
        if (key !== 'maxHeaderSize') assert.strictEqual(local[key], one[key], key)
        // What a server says of pushing is nothing to its client.
        if (key !== 'enablePush') assert.strictEqual(remote[key], one[key], key)
      }
      assert.strictEqual(local.maxHeaderSize, remote.maxHeaderSize)
      assert.deepStrictEqual(told, ['callback', 'localSettings'])
    }
  }))

  test(`what is changed to what it is, and nothing, are told too: ${name}`, () => withSession(http2, async (session, client) => {
    const before = { ...session.localSettings }
    await change(session, client, { maxFrameSize: 16_384 })
    await new Promise((resolve) => session.settings(undefined, resolve))
    await new Promise((resolve) => session.settings({}, resolve))
    assert.deepStrictEqual({ ...session.localSettings }, before)
  }))

  test(`several changes are acknowledged in their order: ${name}`, () => withSession(http2, async (session, client) => {
    const seen = []
    client.on('remoteSettings', ({ maxConcurrentStreams }) => seen.push(maxConcurrentStreams))
    const acknowledged = []
    await Promise.all([1, 2, 3].map((maxConcurrentStreams) => new Promise((resolve) => {
      session.settings({ maxConcurrentStreams }, (error, settings) => {
        acknowledged.push(settings.maxConcurrentStreams)
        resolve(error)
      })
    })))
    assert.deepStrictEqual([seen, acknowledged], [[1, 2, 3], [1, 2, 3]])
  }))

  test(`settings that cannot be are refused: ${name}`, () => withSession(http2, (session) => {
    const wrong = [
      ['headerTableSize', -1], ['headerTableSize', 2 ** 32], ['initialWindowSize', -1], ['initialWindowSize', 2 ** 32],
      ['maxFrameSize', 16_383], ['maxFrameSize', 2 ** 24], ['maxHeaderListSize', -1], ['maxHeaderListSize', 2 ** 32],
      ['maxHeaderSize', -1], ['maxHeaderSize', 2 ** 32], ['maxConcurrentStreams', -1], ['maxConcurrentStreams', 2 ** 32]
    ]
    for (const [key, value] of wrong) {
      assert.throws(() => session.settings({ [key]: value }), {
        name: 'RangeError', code: 'ERR_HTTP2_INVALID_SETTING_VALUE', message: `Invalid value for setting "${key}": ${value}`
      })
    }
    for (const value of [1, {}, 'test', [], null, Infinity, NaN]) {
      assert.throws(() => session.settings({ enablePush: value }), { name: 'TypeError', code: 'ERR_HTTP2_INVALID_SETTING_VALUE' })
    }
    assert.strictEqual(session.pendingSettingsAck, false)
  }))

  test(`longer frames may come once they are allowed: ${name}`, async () => {
    const server = http2.createServer()
    server.on('stream', (stream) => {
      stream.respond()
      let length = 0
      stream.on('data', (data) => { length += data.length })
      stream.on('end', () => stream.end(String(length)))
    })
    const opened = once(server, 'session')
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const frames = await Frames.connect(server.address().port, PATIENCE_MS)
    frames.greet()
    await frames.settle()
    const [session] = await opened
    session.settings({ maxFrameSize: 30_000 })
    await frames.until(SETTINGS)
    frames.send(SETTINGS, ACK)
    const stream = frames.ask({ method: 'POST', whole: false })
    frames.send(DATA, END_STREAM, stream, Buffer.alloc(30_000))
    const { payload } = await frames.until(DATA)
    assert.strictEqual(payload.toString(), '30000')
    frames.close()
    await new Promise((resolve) => server.close(resolve))
  })

  test(`a server's settings can be updated while it listens: ${name}`, async () => {
    const server = http2.createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    server.updateSettings({ maxConcurrentStreams: 7, initialWindowSize: 100_000 })
    server.updateSettings({ maxConcurrentStreams: 8 })
    const client = connect(server.address().port)
    await once(client, 'remoteSettings')
    await until(() => client.remoteSettings.maxConcurrentStreams === 8 && client.remoteSettings.initialWindowSize === 100_000, 'the settings')
    await until(() => !client.pendingSettingsAck, 'the acknowledgement')
    client.close()
    await new Promise((resolve) => server.close(resolve))
    // It holds for the next time too.
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const second = connect(server.address().port)
    const [settings] = await once(second, 'remoteSettings')
    assert.strictEqual(settings.maxConcurrentStreams, 8)
    second.close()
    await new Promise((resolve) => server.close(resolve))
  })

  test(`settings without a name: ${name}`, { skip: !knowsCustom }, () => withSession(http2, async (session, client) => {
    assert.deepStrictEqual(client.remoteSettings.customSettings, { 1244: 456, 9999: 301 })
    assert.deepStrictEqual(session.localSettings.customSettings, { 1244: 456, 9999: 301 })
    // Of the client's only those that the options name.
    assert.deepStrictEqual(session.remoteSettings.customSettings, { 55: 12 })
    const { remote, local } = await change(session, client, { customSettings: { 1244: 1, 77: 2 }, maxFrameSize: 20_000 })
    assert.deepStrictEqual(remote.customSettings, { 77: 2, 1244: 1, 9999: 301 })
    assert.deepStrictEqual(local.customSettings, { 77: 2, 1244: 1, 9999: 301 })
    assert.strictEqual(remote.maxFrameSize, 20_000)
    for (const customSettings of [{ x: 1 }, { 70_000: 1 }, { 5000: -1 }, { 5000: 2 ** 32 }]) {
      assert.throws(() => session.settings({ customSettings }), { name: 'RangeError', code: 'ERR_HTTP2_INVALID_SETTING_VALUE' })
    }
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [5000 + index, 1]))
    assert.throws(() => session.settings({ customSettings: many }), { code: 'ERR_HTTP2_TOO_MANY_CUSTOM_SETTINGS' })
  }, {
    options: { settings: { customSettings: { 1244: 456, 9999: 301 } }, remoteCustomSettings: [55] },
    client: { settings: { customSettings: { 55: 12, 56: 13 } }, remoteCustomSettings: [1244, 9999, 77] }
  }))

  test(`fields that are never indexed are named: ${name}`, async () => {
    const seen = []
    const server = http2.createServer()
    server.on('stream', (stream, headers) => {
      seen.push(headers[http2.sensitiveHeaders])
      stream.on('trailers', (trailers) => {
        seen.push(trailers[http2.sensitiveHeaders])
        stream.respond()
        stream.end()
      })
      stream.resume()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const frames = await Frames.connect(server.address().port, PATIENCE_MS)
    frames.greet()
    await frames.settle()
    const pseudo = [[':method', 'POST'], [':scheme', 'http'], [':authority', 'a'], [':path', '/secret', true]]
    const requests = [
      [[...pseudo, ['a', '1', true], ['b', '2'], ['cookie', 'c=1', true], ['cookie', 'd=2', true], ['a', '3', true]], [['x', '1'], ['y', '2', true]]],
      [[...pseudo.map(([name, value]) => [name, value]), ['a', '1']], [['x', '1']]]
    ]
    for (const [fields, trailers] of requests) {
      const stream = frames.askFor(fields, false)
      frames.finish(stream, trailers)
      await frames.until(HEADERS)
    }
    assert.deepStrictEqual(seen, [[':path', 'a', 'cookie', 'cookie', 'a'], ['y'], [], []])
    frames.close()
    await new Promise((resolve) => server.close(resolve))
  })
}

test('a stream above the changed limit is refused; node:http2 ends the session', async () => {
  const server = ours.createServer()
  server.on('stream', (stream) => stream.on('error', () => {}))
  const opened = once(server, 'session')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const frames = await Frames.connect(server.address().port, PATIENCE_MS)
  frames.greet()
  await frames.settle()
  const [session] = await opened
  session.settings({ maxConcurrentStreams: 1 })
  const { payload } = await frames.until(SETTINGS)
  assert.strictEqual(payload.toString('hex'), '000300000001')
  frames.send(SETTINGS, ACK)
  frames.ask()
  const refused = frames.ask()
  const reset = await frames.until(RST_STREAM)
  assert.deepStrictEqual([reset.stream, reset.code], [refused, REFUSED_STREAM])
  frames.close()
  session.destroy()
  await new Promise((resolve) => server.close(resolve))
})

test('values that HTTP/2 allows and the library does not take are refused', () => withSession(ours, (session, client, server) => {
  const wrong = [
    { maxConcurrentStreams: 100_001 }, { maxHeaderListSize: 0 }, { maxHeaderListSize: 2 ** 21 }, { headerTableSize: 2 ** 21 },
    { customSettings: { 4: 7 } }, { customSettings: { 9: 1 } }
  ]
  for (const settings of wrong) {
    assert.throws(() => session.settings(settings), { code: 'GOAWAY_ERR_INVALID' }, JSON.stringify(settings))
  }
  assert.throws(() => server.updateSettings({ maxConcurrentStreams: 100_001 }), { code: 'GOAWAY_ERR_INVALID' })
  assert.throws(() => ours.createServer({ settings: { customSettings: { 3: 7 } } }), { code: 'GOAWAY_ERR_INVALID' })
}))

test('no limit is the most that the library takes', () => withSession(ours, async (session, client) => {
  const { remote } = await change(session, client, { maxConcurrentStreams: 2 ** 32 - 1, maxHeaderListSize: 2 ** 32 - 1, enablePush: true })
  assert.deepStrictEqual([remote.maxConcurrentStreams, remote.maxHeaderListSize], [100_000, 1 << 20])
}))

test('the extended CONNECT cannot be taken back', () => withSession(ours, (session) => {
  assert.throws(() => session.settings({ enableConnectProtocol: false }), { code: 'GOAWAY_ERR_INVALID' })
}, { options: { settings: { enableConnectProtocol: true } } }))
