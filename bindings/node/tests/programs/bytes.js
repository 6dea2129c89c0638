'use strict'

// Peers that send anything, to servers whose handlers look at everything: what
// is not caught would end the process. Argument: 'own' or 'http2'.

const net = require('node:net')

const unhandled = []
process.on('unhandledRejection', (error) => unhandled.push(String(error?.stack ?? error)))
process.on('uncaughtException', (error) => unhandled.push(String(error?.stack ?? error)))

const PEERS = 300
const AT_ONCE = 30
// So many requests must have been looked at; more peers come until they have.
const REQUESTS = 100
const ROUNDS = 20

// A sequence that is the same in each run.
let seed = 20250101
const random = (below) => {
  seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
  return (seed >> 8) % below
}
const one = (list) => list[random(list.length)]

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** Mostly what is allowed, so that handlers see something; else what is not. */
const mostly = (good, bad) => one(random(12) > 0 ? good : bad)
const name = () => mostly(
  ['expect', 'cookie', '__proto__', 'constructor', 'x-a', 'tostring', 'set-cookie', 'priority', 'accept', 'trailer', 'hasownproperty', 'content-type', 'range'],
  ['te', 'upgrade', 'connection', 'X-Upper', 'a b', '', ':x', 'http2-settings', 'host', 'content-length']
)
const value = () => mostly(['', '100-continue', 'expect', 'trailers', 'a', '\xff\xfe', '5', 'a, b', 'u=9', '%', 'x'.repeat(300), ':protocol', '{'], [' a', 'a\0b', '-1', 'a\n'])
const path = () => mostly(
  ['/', '/users/%zz', '/users/a?b=%&c', '/%00', '/users/__proto__?__proto__=1', '//', '/files/../..', '/users/%E0%A4%A', '/users/a', '/?a=%ff'],
  ['/users/\xff', '*', '', '?', '/ ']
)
const method = () => mostly(['GET', 'POST', 'POST', 'HEAD', 'OPTIONS', 'PATCH'], ['CONNECT', 'G T', 'get', ''])

function frame (type, flags, stream, payload) {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A field that enters no table (RFC 7541, section 6.2.2). */
function field (name, value) {
  const text = (text) => {
    const bytes = Buffer.from(text, 'latin1')
    return Buffer.concat([bytes.length < 127 ? Buffer.of(bytes.length) : Buffer.of(127, ((bytes.length - 127) & 127) | 128, (bytes.length - 127) >> 7), bytes])
  }
  return Buffer.concat([Buffer.of(0), text(name), text(value)])
}

function headers (stream) {
  const fields = [field(':method', method()), field(':scheme', mostly(['http'], ['https', 'x'])), field(':path', path()), field(':authority', mostly(['a', 'a:1'], ['', 'a@b', '\xff']))]
  if (random(20) === 0) fields[0] = field(':method', 'CONNECT'), fields.push(field(':protocol', one(['websocket', '', 'x y'])))
  for (let count = random(4); count > 0; count--) fields.push(field(name(), value()))
  return frame(1, random(2) | 4, stream, Buffer.concat(fields))
}

function http2Bytes () {
  const frames = [PREFACE, frame(4, 0, 0, Buffer.alloc(0))]
  let stream = 1
  for (let count = 1 + random(8); count > 0; count--) {
    const act = random(12)
    if (act < 6) frames.push(headers(stream))
    else if (act === 6) frames.push(frame(0, random(2), Math.max(1, stream - 2), Buffer.alloc(random(100), '{"a":')))
    else if (act === 7) frames.push(frame(3, 0, Math.max(1, stream - 2), Buffer.of(0, 0, 0, random(16))))
    else if (act === 8) frames.push(frame(6, random(2), 0, Buffer.alloc(8, random(256))))
    else if (act === 9) frames.push(frame(1, 5, Math.max(1, stream - 2), field(name(), value()))) // trailers
    else if (act === 10) frames.push(frame(7, 0, 0, Buffer.concat([Buffer.alloc(8, random(3)), Buffer.from(value(), 'latin1')])))
    else if (random(4) === 0) frames.push(frame(random(20), random(256), random(5), Buffer.alloc(random(20), random(256))))
    if (act < 6) stream += 2
  }
  return Buffer.concat(frames)
}

function http1Bytes () {
  const lines = [`${method()} ${path()} HTTP/1.${random(2)}`, `host: ${mostly(['a'], ['', 'a b'])}`]
  for (let count = random(5); count > 0; count--) lines.push(`${name()}: ${value()}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${one(['', 'abc', '5\r\nhello\r\n0\r\n\r\n'])}`, 'latin1')
}

function bytes () {
  const sent = random(4) === 0 ? http1Bytes() : http2Bytes()
  for (let count = random(6) === 0 ? random(3) : 0; count > 0; count--) sent[random(sent.length)] ^= 1 << random(8)
  return sent
}

function peer (port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    const leave = () => { one([() => socket.destroy(), () => socket.end(), () => socket.resetAndDestroy()])() }
    socket.on('error', () => {})
    socket.on('close', resolve)
    socket.write(bytes())
    // Some leave at once, most when the server has begun to answer.
    if (random(3) === 0) setTimeout(leave, 3 + random(12))
    else socket.once('data', () => setTimeout(leave, random(12)))
    setTimeout(() => socket.destroy(), 200)
  })
}

/** Peers, until the server has seen enough of them: `requests()` tells how many requests came through. */
async function peers (port, requests) {
  for (let round = 0; round === 0 || (round < ROUNDS && requests() < REQUESTS); round++) {
    for (let count = 0; count < PEERS; count += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, () => peer(port)))
  }
}

async function own () {
  const { Server } = require('../../index.js')
  const server = new Server({ limits: { workers: 1 }, features: { connectProtocol: true, upgrade: true } })
  let requests = 0
  const look = (request) => {
    requests++
    const { method, scheme, authority, path, query, protocol, searchParams, params, headers, rawHeaders, expectsContinue, stream, session, httpVersion } = request
    JSON.stringify([method, scheme, authority, path, query, protocol, String(searchParams), params, headers, rawHeaders, expectsContinue, stream, session.info(), httpVersion, session.tls])
  }
  server.register('CONNECT *', (request) => {
    look(request)
    const tunnel = request.upgrade()
    tunnel.pipe(tunnel)
  })
  server.register('* /users/{id}', async (request) => {
    look(request)
    request.respond(200, JSON.stringify(await request.json()))
  })
  server.register('*', async (request) => {
    look(request)
    request.writeHead(200)
    for await (const chunk of request.body) await request.write(chunk)
    request.end(null, request.trailers === null ? null : { 'x-count': Object.keys(request.trailers).length })
  })
  server.on('session', (session) => {
    for (const event of ['settings', 'ping', 'pong', 'goaway', 'frameError', 'timeout', 'closed']) session.on(event, () => session.info())
  })
  await server.start({ bind: 0 })
  await peers(server.port, () => requests)
  await server.close({ drainMs: 0 })
  return requests
}

async function face () {
  const { createServer } = require('../../http2.js')
  let requests = 0
  const server = createServer({ settings: { enableConnectProtocol: true } })
  server.on('request', (request, response) => {
    requests++
    const { method, url, headers, rawHeaders, authority, scheme, httpVersion, socket, aborted, complete } = request
    JSON.stringify([method, url, headers, rawHeaders, authority, scheme, httpVersion, socket.remoteAddress, aborted, complete])
    request.on('end', () => JSON.stringify([request.trailers, request.rawTrailers]))
    request.pipe(response)
  })
  server.on('connect', (request, response) => { response.writeHead(200); request.pipe(response) })
  server.on('session', (session) => {
    for (const event of ['remoteSettings', 'localSettings', 'ping', 'goaway', 'frameError', 'close']) session.on(event, () => JSON.stringify([session.state, session.remoteSettings]))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  await peers(server.address().port, () => requests)
  await new Promise((resolve) => server.close({ drainMs: 0 }, resolve))
  return requests
}

const run = process.argv[2] === 'own' ? own : face
run().then((requests) => setTimeout(() => {
  console.log(JSON.stringify({ requests, unhandled: [...new Set(unhandled)] }))
  process.exit(0)
}, 50), (error) => {
  console.error(error)
  process.exit(1)
})
