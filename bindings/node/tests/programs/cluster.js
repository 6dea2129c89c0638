'use strict'

// Three workers on the primary's socket. 'replace' has each leave after a new
// one has come; 'leave' ends all.

const cluster = require('node:cluster')
const { once } = require('node:events')
const { Listener, Server } = require('../../index.js')

const COUNT = 3

async function fork () {
  const worker = cluster.fork()
  await once(worker, 'message')
  return worker
}

async function replace () {
  for (const old of Object.values(cluster.workers)) {
    await fork()
    old.disconnect()
    const [code, signal] = await once(old, 'exit')
    if (code !== 0) throw new Error(`a worker ended with ${code ?? signal}`)
  }
}

async function primary () {
  const listener = new Listener('127.0.0.1:0')
  cluster.setupPrimary({ stdio: ['inherit', 'inherit', 'inherit', 'ipc', listener.fd] })
  await Promise.all(Array.from({ length: COUNT }, fork))
  process.on('message', async (what) => {
    if (what === 'replace') {
      await replace()
      process.send({ replaced: true })
    } else {
      cluster.disconnect()
      listener.close()
      process.disconnect()
    }
  })
  process.send({ port: listener.port })
}

async function worker () {
  const server = new Server({ limits: { workers: 1 } })
  server.register('GET /', (request) => setTimeout(() => request.ended || request.respond(200, String(process.pid)), 5))
  await server.start({ bind: { fd: 4 } })
  process.once('disconnect', () => server.close({ drainMs: 20_000 }))
  process.send('ready')
}

if (cluster.isPrimary) primary()
else worker()
