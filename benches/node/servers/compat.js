// node:http2, the interface that is compatible with HTTP/1.

import http2 from 'node:http2'
import { Readable } from 'node:stream'

const BLOCK = Buffer.alloc(64 * 1024, 'x')

function * blocks () {
  for (let left = 128; left > 0; left--) yield BLOCK
}

const server = http2.createServer({ settings: { maxConcurrentStreams: 256, initialWindowSize: 262144 } }, (request, response) => {
  response.setHeader('content-type', 'text/plain')
  if (request.url === '/echo') request.pipe(response)
  else if (request.url === '/big') Readable.from(blocks()).pipe(response)
  else response.end('Hello, World!')
})
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('ready'))
