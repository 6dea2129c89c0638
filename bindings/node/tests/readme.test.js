'use strict'

// Every block of JavaScript in the README runs, as it stands there, and does
// what the text says. A block without a test here fails.

const { test, after } = require('node:test')
const assert = require('node:assert')
const { execFileSync, spawn } = require('node:child_process')
const { once } = require('node:events')
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const http = require('node:http')
const http2 = require('node:http2')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { GoawayError, Server, Tls } = require('../index.js')
const { connect, send } = require('./helpers.js')

const root = join(__dirname, '..')
const PATIENCE_MS = 20_000
const AsyncFunction = (async () => {}).constructor

/** The blocks under each heading, in order. */
const blocks = {}
let heading = ''
for (const [, title, code] of readFileSync(join(root, 'README.md'), 'utf8').matchAll(/^#+ (.*)$|^```js\n([^]*?)^```$/gm)) {
  if (title !== undefined) heading = title
  else (blocks[heading] ??= []).push(code)
}

const tested = new Set()
const block = (title, number = 0) => {
  tested.add(title)
  return blocks[title][number]
}

const paragraphs = (code) => code.trim().split('\n\n')
const example = (name) => readFileSync(join(root, 'examples', name), 'utf8')

/** Runs code with these names in it. */
const run = (code, names) => new AsyncFunction(...Object.keys(names), code)(...Object.values(names))

/** A server whose handler runs code, and a session with it. */
async function serve (t, handler) {
  const server = new Server()
  server.register('* /', handler)
  await server.start({ bind: 0 })
  const client = connect(server.port)
  t.after(() => {
    client.destroy()
    return server.close({ drainMs: 0 })
  })
  return { server, client }
}

/** What the peer sees of a request that is handled by code. */
async function response (t, code, names = {}, options = {}) {
  const { client } = await serve(t, (request) => run(code, { request, ...names }))
  return send(client, '/', options)
}

test('From nothing to serving, Several processes: the examples', () => {
  assert.strictEqual(block('From nothing to serving'), example('hello.mjs'))
  assert.strictEqual(block('Several processes'), example('cluster.mjs'))
})

test('Answers', async (t) => {
  const [whole, inform, streamed, reset] = paragraphs(block('Responses'))
  const first = await response(t, whole)
  assert.deepStrictEqual([first.status, first.headers['content-type'], first.body], [200, 'text/plain', 'whole'])
  const second = await response(t, `${inform}\n${streamed}`, { chunks: ['one, ', Buffer.from('two, ')] })
  assert.strictEqual(second.informational[0].link, '</style.css>; rel=preload')
  assert.deepStrictEqual([second.body, second.trailers['x-checksum']], ['one, two, the last', '1'])
  assert.strictEqual((await response(t, reset)).code, 8)
})

test('Bodies', async (t) => {
  const options = { method: 'POST', body: '{"a":1}' }
  const lines = block('Bodies').trim().split('\n')
  const results = []
  for (const line of lines) {
    const name = /^const (\w+)/.exec(line)?.[1]
    const used = []
    const code = name ? `${line}\nresults.push(${name})` : line.startsWith('for') ? line : `await request.text()\nresults.push({ ...${line.replace(/ *\/\/.*/, '')} })`
    await response(t, `${code}\nrequest.respond(200)`, { results, use: (chunk) => used.push(chunk) }, options)
    if (used.length > 0) results.push(Buffer.concat(used).toString())
  }
  assert.deepStrictEqual(results, ['{"a":1}', Buffer.from('{"a":1}'), '{"a":1}', { a: 1 }, {}])
})

test('The peer goes, the server goes', async (t) => {
  const [gone, drains] = paragraphs(block('Cancellation and drain'))
  const [fetching, reason] = gone.split('\n')
  const silent = http.createServer(() => client.destroy()).listen(0)
  t.after(() => silent.close().closeAllConnections())
  const handled = {}
  handled.end = new Promise((resolve) => { handled.resolve = resolve })
  const { client } = await serve(t, (request) => {
    const names = { request, upstream: `http://127.0.0.1:${silent.address().port}/` }
    run(fetching, names).catch(async (error) => handled.resolve([error, await run(`return ${reason}`, names)]))
    return handled.end.then(() => {})
  })
  await send(client, '/')
  const [error, why] = await handled.end
  assert.ok(error === why && why instanceof GoawayError && ['peer_closed', 'connection_lost'].includes(why.reason), why.reason)

  const second = await serve(t, (request) => {
    const [listen, left] = drains.split('\n')
    assert.ok(left.startsWith('request.leftMs') && request.leftMs === Infinity)
    setImmediate(() => second.server.session(request.session.id).close({ drainMs: 5000 }))
    request.writeHead(200)
    return run(listen, { request })
  })
  assert.strictEqual((await send(second.client, '/')).body, 'bye')
})

test('Closing', async () => {
  const server = await new Server().start({ bind: 0 })
  const report = await run(`${block('Closing')}\nreturn report`, { server })
  const shown = await run(`return (${block('Closing', 1)})`, {})
  assert.deepStrictEqual(Object.keys(shown), Object.keys(report))
  assert.strictEqual(blocks.Closing.length, 2)
})

test('Sessions', async (t) => {
  const { server, client } = await serve(t, (request) => request.respond(200))
  await send(client, '/')
  const [{ id }] = server.sessions()
  const ended = new Promise((resolve) => client.once('close', resolve))
  await run(block('Sessions'), { server, id })
  await ended
  // Who listens now hears of the sessions that come.
  const second = connect(server.port)
  assert.strictEqual((await send(second, '/')).status, 200)
  second.close()
})

/** A program in a file beside the examples, where 'goaway' is found. It says its port first. */
async function program (t, name, source, options, check) {
  const file = join(root, 'examples', `.${process.pid}-${name}`)
  writeFileSync(file, source)
  t.after(() => rmSync(file))
  const child = spawn(process.execPath, [...options, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text) => { said += text })
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  const client = connect(Number(said))
  await check(client)
  client.close()
  child.kill('SIGTERM')
  const [code] = child.exitCode === null && child.signalCode === null ? await once(child, 'close') : [child.exitCode]
  clearTimeout(timer)
  assert.strictEqual(code, 0)
  return said
}

test('From Fastify to goaway', async (t) => {
  const source = block('From Fastify to goaway').replace('port: 8080', 'port: 0') + '\nconsole.log(app.server.address().port)\n'
  const said = await program(t, 'fastify.mjs', source, [], async (client) => {
    assert.deepStrictEqual(JSON.parse((await send(client, '/')).body), { hello: 'world' })
  })
  assert.match(said, /sessionsGraceful/)
})

test('node:http2 applications unchanged', async (t) => {
  const listening = 'server.listen(0, () => console.log(server.address().port))'
  const source = block('node:http2 applications unchanged').replace('server.listen(8080)', listening)
  const said = await program(t, 'http2.cjs', source, ['-r', join(root, 'register.js')], async (client) => {
    assert.strictEqual((await send(client, '/')).body, 'hello\n')
  })
  assert.match(said, /sessionsGraceful/)
})

test('TLS', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'goaway-readme-'))
  after(() => rmSync(folder, { recursive: true }))
  const [certFile, keyFile] = ['certificate.pem', 'key.pem'].map((name) => join(folder, name))
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync('openssl', ['req', '-x509', ...kind, ...names, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' })
  const [cert, key] = [certFile, keyFile].map((file) => readFileSync(file, 'utf8'))
  const [imports, serving, told] = paragraphs(block('TLS'))
  assert.strictEqual(imports, "import { Server, Tls } from 'goaway'")
  const server = new Server()
  t.after(() => server.close({ drainMs: 0 }))
  const info = new Promise((resolve) => {
    server.register('GET /', async (request) => {
      resolve(await run(`return ${told}`, { request }))
      request.respond(200)
    })
  })
  const own = serving.replace('certificate.pem', certFile).replace('key.pem', keyFile).replace('443', '0')
  await run(own, { Server, Tls, server, cert, key })
  const client = http2.connect(`https://localhost:${server.port}`, { ca: cert })
  assert.strictEqual((await send(client, '/')).status, 200)
  client.close()
  const shown = /\{ (.*), \.\.\. \}/.exec(told)[1].split(', ')
  const { version, alpn, ...more } = await info
  assert.deepStrictEqual([version, alpn], ['TLSv1.3', 'h2'])
  for (const name of shown) assert.ok(['version', 'alpn'].includes(name) || name in more, name)
})

test('every block has its test', () => {
  assert.deepStrictEqual(Object.keys(blocks).sort(), [...tested].sort())
})

test('docs/node-http2.md shows what its tests do', () => {
  const texts = ['express.test.js', 'http2-upgrade.test.js'].map((name) => readFileSync(join(__dirname, name), 'utf8')).join('\n')
  const document = readFileSync(join(root, '..', '..', 'docs', 'node-http2.md'), 'utf8')
  const found = Array.from(document.matchAll(/^```js\n([^]*?)^```$/gm), ([, code]) => code)
  assert.strictEqual(found.length, 3)
  const express = found.find((code) => code.includes('express.'))
  for (const line of express.trim().split('\n')) assert.ok(texts.includes(line), line)
  for (const code of found) assert.doesNotThrow(() => new AsyncFunction(code))
})
