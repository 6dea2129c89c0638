// As unchanged.js, in the two ways in which a module can import it.

import { createServer } from 'node:http2'
import http2 from 'http2'

const server = createServer()
server.on('stream', (stream) => {
  stream.respond({ 'x-same': String(createServer === http2.createServer) })
  stream.end('unchanged')
})
process.once('message', () => {
  server.close(() => process.send({ report: server.report ?? null }, () => process.disconnect()))
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
