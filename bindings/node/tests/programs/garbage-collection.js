'use strict'

// Servers that become unreachable before they are closed. Needs --expose-gc.

const { once } = require('node:events')
const { setTimeout: sleep } = require('node:timers/promises')
const { Server } = require('../../index.js')

const way = process.argv[2]

function hello (request) {
  request.respond(200, 'hello')
}

async function makeUnreachable () {
  const server = new Server()
  server.register('GET /', hello)
  server.listen(0)
  if (way !== 'not-started') await server.start()
  if (way === 'unref') server.unref()
  if (way === 'closed') await server.close({ drainMs: 0 })
  return server.port
}

async function main () {
  const port = await makeUnreachable()
  const warned = once(process, 'warning')
  for (let count = 0; count < 10; count++) {
    await sleep(10)
    global.gc()
  }
  if (way === 'not-started' || way === 'unref') {
    const [warning] = await warned
    console.log(warning.code)
    await sleep(50)
  }
  process.send({ port })
  if (way === 'held') await once(process, 'message')
  process.exit(0)
}

main()
