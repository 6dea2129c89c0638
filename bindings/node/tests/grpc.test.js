'use strict'

// The server of @grpc/grpc-js over goaway by the swap, with its own client.

const { test } = require('node:test')
const assert = require('node:assert')
const { execFileSync } = require('node:child_process')
const { once } = require('node:events')
const fs = require('node:fs')
const http2 = require('node:http2')
const os = require('node:os')
const { join } = require('node:path')
const nodeServer = http2.createServer
require('../register.js')
const grpc = require('@grpc/grpc-js')

const asIs = (bytes) => bytes

function method (name, requestStream, responseStream) {
  return {
    path: `/test.Test/${name}`,
    requestStream,
    responseStream,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs
  }
}

const service = {
  unary: method('Unary', false, false),
  fails: method('Fails', false, false),
  upload: method('Upload', true, false),
  download: method('Download', false, true),
  both: method('Both', true, true)
}

const PIECE = Buffer.alloc(20_000, 'p')
const PIECES = 30

let told // how the stream of `both` that the client gave up was ended

const handlers = {
  unary (call, callback) {
    const trailers = new grpc.Metadata()
    trailers.set('x-trailer', 'unary')
    callback(null, Buffer.concat([call.request, Buffer.from(call.metadata.get('x-sent').join())]), trailers)
  },
  fails (call, callback) {
    callback({ code: grpc.status.NOT_FOUND, details: 'there is none' })
  },
  upload (call, callback) {
    let length = 0
    call.on('data', (piece) => { length += piece.length })
    call.on('end', () => callback(null, Buffer.from(String(length))))
  },
  download (call) {
    for (let count = 0; count < PIECES; count++) call.write(PIECE)
    call.end()
  },
  both (call) {
    call.on('cancelled', () => told?.())
    call.on('data', (piece) => call.write(piece))
    call.on('end', () => call.end())
  }
}

function started (server) {
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => error ? reject(error) : resolve(port))
  })
}

test('the swap is in place', () => {
  assert.notStrictEqual(http2.createServer, nodeServer)
})

test('every kind of call', async (t) => {
  const server = new grpc.Server()
  server.addService(service, handlers)
  const port = await started(server)
  const Client = grpc.makeGenericClientConstructor(service, 'Test')
  const client = new Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
  t.after(() => {
    client.close()
    server.forceShutdown()
  })

  await t.test('unary, with metadata and trailers', async () => {
    const metadata = new grpc.Metadata()
    metadata.set('x-sent', 'there')
    let call
    const answer = new Promise((resolve, reject) => {
      call = client.unary(Buffer.from('hello'), metadata, (error, value) => error ? reject(error) : resolve(value))
    })
    const [[status], value] = await Promise.all([once(call, 'status'), answer])
    assert.strictEqual(value.toString(), 'hellothere')
    assert.deepStrictEqual(status.metadata.get('x-trailer'), ['unary'])
  })

  await t.test('a failure has its code', async () => {
    const error = await new Promise((resolve) => client.fails(Buffer.alloc(0), resolve))
    assert.strictEqual(error.code, grpc.status.NOT_FOUND)
    assert.strictEqual(error.details, 'there is none')
  })

  await t.test('client streaming', async () => {
    const length = await new Promise((resolve, reject) => {
      const call = client.upload((error, value) => error ? reject(error) : resolve(Number(value)))
      for (let count = 0; count < PIECES; count++) call.write(PIECE)
      call.end()
    })
    assert.strictEqual(length, PIECES * PIECE.length)
  })

  await t.test('server streaming', async () => {
    let length = 0
    const call = client.download(Buffer.alloc(0))
    for await (const piece of call) length += piece.length
    assert.strictEqual(length, PIECES * PIECE.length)
  })

  await t.test('both ways, one after the other', async () => {
    const call = client.both()
    let answers = 0
    call.write(Buffer.from('a'))
    for await (const piece of call) {
      assert.strictEqual(piece.toString(), 'a')
      if (++answers === 10) call.end()
      else call.write(piece)
    }
    assert.strictEqual(answers, 10)
  })

  await t.test('a call that the client gives up is told to the server', async () => {
    const cancelled = new Promise((resolve) => { told = resolve })
    const call = client.both()
    call.once('data', () => call.cancel())
    const failed = new Promise((resolve) => call.on('error', resolve))
    call.write(Buffer.from('a'))
    assert.strictEqual((await failed).code, grpc.status.CANCELLED)
    await cancelled
  })

  await t.test('a shutdown ends', async () => {
    client.close()
    await new Promise((resolve, reject) => server.tryShutdown((error) => error ? reject(error) : resolve()))
  })
})

test('over TLS', async (t) => {
  const folder = fs.mkdtempSync(join(os.tmpdir(), 'goaway-grpc-'))
  const [certFile, keyFile] = ['cert', 'key'].map((name) => join(folder, name))
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', keyFile, '-out', certFile
  ], { stdio: 'ignore' })
  const [cert, key] = [certFile, keyFile].map((file) => fs.readFileSync(file))
  fs.rmSync(folder, { recursive: true })
  const server = new grpc.Server()
  server.addService(service, handlers)
  const credentials = grpc.ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }], false)
  const port = await new Promise((resolve, reject) => {
    server.bindAsync('localhost:0', credentials, (error, port) => error ? reject(error) : resolve(port))
  })
  const Client = grpc.makeGenericClientConstructor(service, 'Test')
  const client = new Client(`localhost:${port}`, grpc.credentials.createSsl(cert))
  t.after(() => {
    client.close()
    server.forceShutdown()
  })
  const answer = await new Promise((resolve, reject) => {
    client.unary(Buffer.from('hello'), new grpc.Metadata(), (error, value) => error ? reject(error) : resolve(value))
  })
  assert.strictEqual(answer.toString(), 'hello')
})
