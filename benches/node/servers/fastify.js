// Fastify on node:http2.

import { Readable } from 'node:stream'
import Fastify from 'fastify'

const BLOCK = Buffer.alloc(64 * 1024, 'x')

function * blocks () {
  for (let left = 128; left > 0; left--) yield BLOCK
}

const app = Fastify({ http2: true })
app.addContentTypeParser('*', (request, payload, done) => done(null, payload))
app.get('/', (request, reply) => { reply.type('text/plain').send('Hello, World!') })
app.post('/echo', (request, reply) => { reply.type('text/plain').send(request.body) })
app.get('/big', (request, reply) => { reply.type('text/plain').send(Readable.from(blocks())) })
await app.listen({ port: Number(process.argv[2]), host: '127.0.0.1' })
console.log('ready')
