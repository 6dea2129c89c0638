'use strict'

// Serves, sends its port to the parent process, and ends in the way that the argument
// names when the parent sends a message.

const { Server } = require('../../index.js')

const way = process.argv[2]
const server = new Server({ limits: { workers: 2 } })
let armed = false

const inHandler = {
  'throws-in-handler': () => { throw new Error('thrown in a handler') },
  'rejects-in-handler': () => Promise.reject(new Error('rejected in a handler')),
  'exits-in-handler': () => process.exit(7)
}

function handler (request) {
  if (armed && inHandler[way]) return inHandler[way](request)
  if (Math.random() < 0.5) return request.respond(200, 'hello')
  setImmediate(() => { if (!request.ended) request.respond(200, 'later') })
}

const ways = {
  // The process ends because nothing keeps the event loop alive.
  unref: () => server.unref(),
  close: () => server.close({ drainMs: 500 }),
  'close-twice': () => { server.close({ drainMs: 5000 }); server.close({ drainMs: 0 }) },
  'await-using': async () => { await server[Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() },
  // It ends at once.
  exit: () => process.exit(7),
  'exit-while-closing': () => { server.close({ drainMs: 5000 }); setImmediate(() => process.exit(7)) },
  'exit-when-closed': () => server.close({ drainMs: 100 }).then(() => process.exit(7)),
  'exit-in-close-event': () => server.on('close', () => process.exit(7)).close({ drainMs: 100 }),
  throws: () => { throw new Error('thrown on the loop') },
  rejects: () => { Promise.reject(new Error('rejected on the loop')) },
  // SIGTERM from the parent, without and with a listener.
  killed: () => {},
  'killed-gracefully': () => process.once('SIGTERM', () => server.close({ drainMs: 500 }))
}

async function main () {
  if (way === 'exit-before-listen') process.exit(7)
  if (way === 'never-started') return // natural exit: a server that listens, but does not run
  server.register('*', handler)
  server.listen('127.0.0.1:0')
  if (way === 'exit-before-start') process.exit(7)
  if (way === 'end-before-start') return
  await server.start()
  process.on('message', () => {
    armed = true
    ways[way]?.()
    process.disconnect()
  })
  process.send({ port: server.port })
}

main()
