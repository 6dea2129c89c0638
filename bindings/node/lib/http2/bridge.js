'use strict'

// Connections that the program has and gives to the server: the library serves
// sockets only, so that their bytes are carried to it and back.

const net = require('node:net')

const WILDCARDS = { __proto__: null, '::': '::1', '0.0.0.0': '127.0.0.1' }

/** Carries `stream` to the hub's server at that address, until one of the two ends. */
function bridge (stream, hub, { address, port }) {
  const carrier = net.connect({ host: WILDCARDS[address] ?? address, port })
  let name = null
  carrier.setNoDelay(true)
  carrier.once('connect', () => {
    const host = carrier.localFamily === 'IPv6' ? `[${carrier.localAddress}]` : carrier.localAddress
    name = `${host}:${carrier.localPort}`
    hub.given.set(name, stream)
    stream.pipe(carrier)
    carrier.pipe(stream)
  })
  carrier.once('close', () => {
    hub.given.delete(name)
    stream.destroy()
  })
  stream.once('close', () => carrier.destroy())
  carrier.on('error', () => {}) // its close says it
  stream.on('error', () => carrier.destroy())
}

module.exports = { bridge }
