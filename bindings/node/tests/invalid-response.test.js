'use strict'

// An invalid response throws in the call that is invalid, with the status that the library
// itself returns. Each case runs twice: in a handler, and as commands that bypass the
// checks of the package.

const { test, before, after } = require('node:test')
const assert = require('node:assert')
const http = require('node:http')
const native = require('../lib/native.js')
const { Pump } = require('../lib/pump.js')
const { LOW, HIGH } = require('../lib/records.js')
const { Server } = require('../index.js')
const { connect, send } = require('./helpers.js')

const C = native.constants
const RESET = ['reset', 8]

/** Submits one command for the request of the record, unchecked. Returns the name of the status. */
function submitCommand (server, { low, high }, kind, { status = 0, fields = [], data = '', number = 0 }) {
  const fieldBytes = Buffer.from(fields.map((text) => `${text}\0`).join(''), 'latin1')
  const dataBytes = Buffer.from(data ?? '')
  const words = new Int32Array(10)
  new Uint16Array(words.buffer).set([kind, status])
  words[2 + LOW] = low
  words[2 + HIGH] = high
  words.set([0, fieldBytes.length, fieldBytes.length, dataBytes.length], 4)
  words[8 + LOW] = number
  const arena = Buffer.concat([fieldBytes, dataBytes, Buffer.alloc(1)])
  return native.statuses[server.submit(new Uint8Array(words.buffer), 1, arena, arena.length - 1, new Uint8Array(4))]
}

/** The steps of a case as commands, up to the first one that fails. */
const RAW = {
  respond: (give, status, data, fields, trailers) => trailers === undefined
    ? give(C.COMMAND_KIND_RESPOND, { status, fields, data })
    : firstOf(() => give(C.COMMAND_KIND_HEAD, { status, fields }), () => give(C.COMMAND_KIND_END, { fields: trailers, data })),
  writeHead: (give, status, fields) => give(C.COMMAND_KIND_HEAD, { status, fields }),
  write: (give, data) => give(C.COMMAND_KIND_WRITE, { data }),
  end: (give, data, fields) => give(C.COMMAND_KIND_END, { data, fields }),
  inform: (give, status, fields) => give(C.COMMAND_KIND_INFORM, { status, fields }),
  reset: (give, number) => give(C.COMMAND_KIND_RESET, { number })
}

function firstOf (...acts) {
  for (const act of acts) {
    const verdict = act()
    if (verdict !== 'GOAWAY_OK') return verdict
  }
  return 'GOAWAY_OK'
}

// ---- the cases: [methods, steps] ----

const FIELDS = []
for (const name of [
  'x', 'X-Upper', 'a b', 'a:b', 'a\n', '\u00e9', '(a)', '', ':status', ':path', '\x01secret', '\x01\x01a', '\x01', 'a\x01', 'x'.repeat(65535), 'x'.repeat(65536),
  'connection', 'Connection', '\x01connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te', '\x01te', 'TE', 'host',
  'content-type', 'content-encoding', 'content-range', 'trailer', 'date', 'server', '__proto__'
]) FIELDS.push([name, 'x'])
for (const value of [
  '', 'a', ' a', 'a ', '\ta', 'a\t', 'a\tb', ' ', '\t', 'a\r\nb', 'a\nb', 'a\rb', '\x01', '\x1f', '\x7f', '\x80', '\xff', '\xa0', 'caf\xe9', 'a, b', '"', 'x'.repeat(70000)
]) FIELDS.push(['x-value', value])
for (const value of ['trailers', 'close', 'Close', 'close, close', 'close,', 'keep-alive', 'upgrade', 'close, x', ' close', 'close\xa0', 'x']) {
  FIELDS.push(['connection', value], ['te', value])
}
const LENGTHS = ['0', '1', '2', '00', '01', '-1', '+1', '1.0', 'x', '', '1 ', '0x1', '1e0', '18446744073709551615', '18446744073709551616', '99999999999999999999999']

const CASES = []
const GET = ['GET']
for (const field of FIELDS) {
  CASES.push([GET, [['respond', 200, 'x', field]]], [GET, [['writeHead', 200, field]]], [GET, [['inform', 103, field]]])
  CASES.push([GET, [['respond', 200, 'x', [], field]]], [GET, [['writeHead', 200, []], ['end', '', field]]])
}
for (const status of [0, 99, 100, 101, 103, 199, 200, 204, 205, 299, 304, 400, 599, 600, 999, 1000]) {
  for (const data of ['', 'x']) {
    const methods = ['GET', 'HEAD']
    CASES.push([methods, [['respond', status, data, []]]], [methods, [['respond', status, data, [], ['x-sum', '1']]]], [methods, [['inform', status, []]]])
    CASES.push([methods, [['writeHead', status, []], ['write', data], ['end', '', []]]], [methods, [['writeHead', status, []], ['end', data, []]]])
  }
}
for (const length of LENGTHS) {
  for (const method of ['GET', 'HEAD']) {
    for (const status of [200, 304]) {
      for (const data of ['', 'x']) {
        const fields = ['Content-Length', length]
        CASES.push([[method], [['respond', status, data, fields]]], [[method], [['respond', status, data, fields, ['x-sum', '1']]]])
        CASES.push([[method], [['writeHead', status, fields], ['write', data], ['write', ''], ['end', '', []]]], [[method], [['writeHead', status, fields], ['end', data, []]]])
      }
    }
  }
}
CASES.push(
  [GET, [['respond', 200, 'x', ['content-length', '1', 'content-length', '1']]]],
  [GET, [['respond', 200, 'x', ['content-length', '1', '\x01content-length', '1']]]],
  [GET, [['writeHead', 200, ['content-length', '3']], ['write', 'ab'], ['write', 'cd']]],
  [GET, [['writeHead', 200, ['content-length', '3']], ['write', 'ab'], ['end', 'c', []]]],
  [GET, [['writeHead', 200, ['content-length', '3']], ['write', '\u00e4'], ['end', 'c', []]]],
  [GET, [['writeHead', 200, []], ['end', 'x', ['Content-Length', '1']]]],
  [GET, [['writeHead', 200, []], ['writeHead', 200, []]]],
  [GET, [['writeHead', 200, []], ['respond', 200, '', []]]],
  [GET, [['writeHead', 200, []], ['inform', 103, []]]],
  [GET, [['write', 'x']]],
  [GET, [['end', 'x', []]]],
  [GET, [['inform', 103, []], ['inform', 103, []], ['respond', 200, 'x', []]]]
)
/** Steps of tunnels, over HTTP/2 only. */
const TUNNELS = [
  [['writeHead', 200, ['content-length', '5']], ['end', 'x', []]],
  [['writeHead', 204, []], ['write', 'x'], ['end', '', []]],
  [['writeHead', 404, ['content-length', '5']], ['end', 'x', []]],
  [['respond', 404, 'x', ['content-length', 'x']]],
  [['respond', 204, 'x', []]],
  [['respond', 304, 'x', []]]
]

const REQUESTS = CASES.flatMap(([methods, steps]) => methods.map((method) => ({ method, steps })))
  .concat(TUNNELS.map((steps) => ({ method: 'CONNECT', steps })))

let checked // Server
let raw // Pump
const verdicts = { checked: {}, raw: {} }

/** Version and index of the case, from the path. */
const keyOf = (path) => path.slice(1)

function tryChecked (request) {
  const key = request.method === 'CONNECT' ? request.headers['x-key'] : keyOf(request.path)
  const { steps } = REQUESTS[Number(key.split('/')[1])]
  verdicts.checked[key] = 'GOAWAY_OK'
  try {
    for (const [act, ...args] of steps) request[act](...args)
  } catch (error) {
    verdicts.checked[key] = error.code
  }
  request.reset()
}

function tryRaw (record) {
  const pieces = record.text.split('\0')
  const key = pieces[0] === 'CONNECT' ? pieces[pieces.indexOf('x-key') + 1] : keyOf(pieces[3])
  const { steps } = REQUESTS[Number(key.split('/')[1])]
  const owner = { low: record.low, high: record.high }
  const give = (kind, command) => submitCommand(raw.server, owner, kind, command)
  verdicts.raw[key] = firstOf(...steps.map(([act, ...args]) => () => RAW[act](give, ...args)))
  RAW.reset(give, RESET[1])
  return null
}

before(async () => {
  checked = new Server({ limits: { workers: 1, controlBurst: 100000 } })
  for (const pattern of ['*', 'CONNECT *']) checked.register(pattern, tryChecked)
  await checked.start({ bind: 0 })
  raw = new Pump({ onSession () {}, onProgress () {}, onClosed () {} })
  for (const pattern of ['*', 'CONNECT *']) assert.strictEqual(raw.route(pattern, tryRaw), 0)
  raw.server.setLimit(native.limits.WORKERS, 1)
  raw.server.setLimit(native.limits.CONTROL_BURST, 100000)
  assert.strictEqual(raw.server.listen('127.0.0.1:0'), 0)
  assert.strictEqual(raw.server.start(), 0)
  raw.server.ref()
})

after(async () => {
  await checked.close({ drainMs: 0 })
  raw.server.stop()
})

function compare (version, indexes) {
  let differ = 0
  for (const index of indexes) {
    const { method, steps } = REQUESTS[index]
    const key = `${version}/${index}`
    const [mine, library] = [verdicts.checked[key], verdicts.raw[key]]
    assert.ok(library !== undefined, `${key} was not tried`)
    if (mine === library) continue
    differ++
    console.error(`HTTP/${version} ${method} ${JSON.stringify(steps).slice(0, 200)}: ${mine}, the library says ${library}`)
  }
  assert.strictEqual(differ, 0)
}

test('invalid responses over HTTP/2 throw what the library returns', { timeout: 60_000 }, async () => {
  for (const port of [checked.port, raw.server.port(0)]) {
    const client = connect(port)
    for (let start = 0; start < REQUESTS.length; start += 90) {
      await Promise.all(REQUESTS.slice(start, start + 90).map(({ method }, at) => {
        const key = `2/${start + at}`
        if (method !== 'CONNECT') return send(client, `/${key}`, { method })
        return new Promise((resolve) => {
          client.request({ ':method': 'CONNECT', ':authority': 'a:1', 'x-key': key }).on('error', () => {}).on('close', resolve).resume()
        })
      }))
    }
    client.destroy()
  }
  compare('2', REQUESTS.keys())
  const codes = new Set(Object.values(verdicts.raw))
  for (const code of ['GOAWAY_OK', 'GOAWAY_ERR_INVALID', 'GOAWAY_ERR_LENGTH', 'GOAWAY_ERR_STATE']) assert.ok(codes.has(code), code)
})

test('connection-specific fields over HTTP/1.1 throw what the library returns', { timeout: 60_000 }, async () => {
  const of1 = [...REQUESTS.keys()].filter((index) => REQUESTS[index].method === 'GET' && /connection|keep-alive|"te"|upgrade|transfer/i.test(JSON.stringify(REQUESTS[index].steps)))
  const ask = (port, index) => new Promise((resolve) => {
    const options = { port, host: '127.0.0.1', path: `/1/${index}`, agent: false }
    http.get(options, (response) => response.resume().on('close', resolve).on('error', () => {})).on('error', resolve)
  })
  for (const port of [checked.port, raw.server.port(0)]) await Promise.all(of1.map((index) => ask(port, index)))
  compare('1', of1)
  assert.ok(of1.some((index) => verdicts.raw[`1/${index}`] !== verdicts.raw[`2/${index}`]))
})
