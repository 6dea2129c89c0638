'use strict'

// A program as it is written for node:http2. That goaway serves it is in the
// command line (-r goaway/register), and seen by the server's report.

const http2 = require('http2')

const server = http2.createServer()
server.on('stream', (stream, headers) => {
  if (headers[':path'] === '/hang') return process.send({ hanging: true })
  stream.respond({ ':status': 200 })
  stream.end('unchanged')
})
process.once('message', () => {
  server.close(() => process.send({ report: server.report ?? null }, () => process.disconnect()))
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
