'use strict'

// Runs a program with one of the two implementations of node:http2.

const { once } = require('node:events')
const { serve } = require('./server.js')
const { ask } = require('./client.js')

/** In place of the server's part: it had not come in time. */
const NO_END = 'no end'

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * What server and client have seen of the program, with `createServer` of an
 * implementation. `patienceMs`: how long the server waits for the end of its
 * stream before its last steps; the client waits twice as long for a response
 * that never ends.
 */
async function run (program, createServer, patienceMs) {
  const server = createServer()
  const patience = later(patienceMs)
  const trace = new Promise((resolve) => {
    const begin = (parts) => serve(program, parts, patience).then(resolve)
    if (program.api === 'stream') server.on('stream', (stream) => begin({ stream }))
    else server.on('request', (request, response) => begin({ stream: response.stream, request, response }))
  })
  server.on('sessionError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = ask(program, server.address().port)
  const ended = await Promise.race([Promise.all([trace, client.closed]), later(2 * patienceMs).then(() => null)])
  const result = { open: ended === null, client: client.seen, server: null }
  client.session.destroy()
  result.server = await Promise.race([trace, later(2 * patienceMs).then(() => NO_END)])
  // In node:http2 the callback of close may never come.
  await Promise.race([new Promise((resolve) => server.close(resolve)), later(2 * patienceMs)])
  return result
}

module.exports = { run, NO_END }
