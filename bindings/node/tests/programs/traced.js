'use strict'

// A program of the compatibility API that an agent (agent.js) watches.

const http2 = require('http2')

const server = http2.createServer((request, response) => {
  response.setHeader('x-context', String(globalThis.agentContext?.getStore()))
  response.end('traced')
})
process.once('message', () => {
  server.close(() => process.send({ seen: globalThis.agentSeen ?? [], isOurs: server.report != null }, () => process.disconnect()))
})
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }))
