'use strict'

// Serves in worker threads, each of which loads the binding for itself, and
// ends them in the way that the argument names.

const { Worker, isMainThread, parentPort, workerData } = require('node:worker_threads')
const { once } = require('node:events')
const http2 = require('node:http2')
const assert = require('node:assert')
const { Server } = require('../../index.js')

const way = isMainThread ? process.argv[2] : workerData.way

async function serve (port = 0) {
  const server = new Server({ limits: { workers: 1 } })
  server.register('*', (request) => { setImmediate(() => { if (!request.ended) request.respond(200, 'hello') }) })
  return server.start({ bind: port })
}

async function inWorker () {
  const server = await serve()
  parentPort.postMessage(server.port)
  await once(parentPort, 'message')
  if (way === 'exit') process.exit(3)
  if (way === 'throw') throw new Error('thrown in a worker')
  if (way === 'close') {
    await server.close({ drainMs: 200 })
    parentPort.unref()
  }
}

// Keeps a server busy until its session ends.
function press (port) {
  const client = http2.connect(`http://127.0.0.1:${port}`)
  const pressure = { served: 0, ended: once(client, 'close') }
  client.on('error', () => {})
  const next = () => {
    if (client.destroyed || client.closed) return
    client.request().on('error', () => {}).on('response', () => pressure.served++).on('close', next).resume()
  }
  for (let count = 0; count < 8; count++) next()
  return pressure
}

async function endWorker (worker) {
  const ended = new Promise((resolve) => worker.once('exit', resolve))
  if (way === 'terminate') await worker.terminate()
  else worker.postMessage('go')
  const code = await ended
  assert.strictEqual(code, { terminate: 1, exit: 3, throw: 1, close: 0 }[way])
}

async function round (count) {
  const own = await serve() // the main thread serves beside them
  const workers = Array.from({ length: count }, () => new Worker(__filename, { workerData: { way } }))
  for (const worker of workers) worker.on('error', (error) => assert.match(error.message, /thrown in a worker/))
  const ports = (await Promise.all(workers.map((worker) => once(worker, 'message')))).map(([port]) => port)
  const pressures = [...ports, own.port].map(press)
  while (pressures.some(({ served }) => served < 20)) await new Promise((resolve) => setTimeout(resolve, 5))
  await Promise.all(workers.map(endWorker))
  await Promise.all(pressures.slice(0, count).map(({ ended }) => ended))
  // The port is free again: a worker's server has ended with it.
  const again = await serve(ports[0])
  await Promise.all([again.close({ drainMs: 0 }), own.close({ drainMs: 100 })])
}

async function main () {
  for (let times = Number(process.argv[4] ?? 1); times > 0; times--) await round(Number(process.argv[3]))
  process.send({ port: 0 })
  process.disconnect()
}

if (isMainThread) main()
else inWorker()
