// goaway's own interface.

import { createRequire } from 'node:module'

const { Server } = createRequire(import.meta.url)('../../../bindings/node/index.js')
const BLOCK = Buffer.alloc(64 * 1024, 'x')
const TEXT = { 'content-type': 'text/plain' }

const workers = Number(process.env.WORKERS ?? 1)
const server = new Server({ limits: { workers, idleMs: 0, concurrentStreams: 256 } })
server.register('GET /', (request) => request.respond(200, 'Hello, World!', { 'content-type': 'text/plain' }))
server.register('POST /echo', async (request) => {
  const { body } = request
  request.writeHead(200, TEXT)
  for await (const chunk of body) await request.write(chunk)
  request.end()
})
server.register('GET /big', async (request) => {
  request.writeHead(200, TEXT)
  for (let left = 128; left > 0; left--) await request.write(BLOCK)
  request.end()
})
await server.start({ bind: Number(process.argv[2]) })
console.log('ready')
