'use strict'

// A server whose loop GET /block blocks, until the file of the argument is there.

const { existsSync } = require('node:fs')
const { Server } = require('../../index.js')

const server = new Server({ limits: { workers: 1, concurrentStreams: 1000 }, queueRecords: 64 })
const memory = { before: 0, after: 0 }

server.register('GET /', (request) => request.respond(200, 'hello'))
server.register('POST /', async (request) => request.respond(200, String((await request.bytes()).length)))
server.register('GET /block', (request) => {
  process.send({ blocked: true })
  memory.before = process.memoryUsage.rss()
  const never = new Int32Array(new SharedArrayBuffer(4))
  while (!existsSync(process.argv[2])) Atomics.wait(never, 0, 0, 10)
  memory.after = process.memoryUsage.rss()
  request.respond(200, String(memory.after - memory.before))
})
process.on('message', () => { server.close({ drainMs: 2000 }); process.disconnect() })
server.start({ bind: 0 }).then(() => process.send({ port: server.port }))
