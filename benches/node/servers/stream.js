// node:http2, its stream interface.

import http2 from 'node:http2'
import { Readable } from 'node:stream'

const BLOCK = Buffer.alloc(64 * 1024, 'x')
const HEAD = { ':status': 200, 'content-type': 'text/plain' }

function * blocks () {
  for (let left = 128; left > 0; left--) yield BLOCK
}

const server = http2.createServer({ settings: { maxConcurrentStreams: 256, initialWindowSize: 262144 } })
server.on('stream', (stream, headers) => {
  const path = headers[':path']
  stream.respond(HEAD)
  if (path === '/echo') stream.pipe(stream)
  else if (path === '/big') Readable.from(blocks()).pipe(stream)
  else stream.end('Hello, World!')
})
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'))
