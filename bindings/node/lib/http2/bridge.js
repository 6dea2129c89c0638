'use strict'

// Connections that the program provides. The library serves sockets only, so their bytes
// are carried to a socket and back.

const net = require('node:net')

/** After this time without a byte, the connection does not keep the event loop alive. */
const REST_MS = 200

const WILDCARDS = { __proto__: null, '::': '::1', '0.0.0.0': '127.0.0.1' }

/**
 * Carries the bytes of `stream` to the hub's server at this address or path, until one of the two
 * ends.
 */
function bridge (stream, hub, place) {
  const carrier = net.connect(typeof place === 'string' ? { path: place } : { host: WILDCARDS[place.address] ?? place.address, port: place.port })
  let name = null
  carrier.setNoDelay(true)
  carrier.once('connect', () => {
    if (typeof place !== 'string') { // of a path no peer has a name
      const host = carrier.localFamily === 'IPv6' ? `[${carrier.localAddress}]` : carrier.localAddress
      name = `${host}:${carrier.localPort}`
      hub.given.set(name, stream)
    }
    stream.pipe(carrier)
    carrier.pipe(stream)
  })
  holdWhileBusy(carrier)
  carrier.once('close', () => {
    hub.given.delete(name)
    stream.destroy()
  })
  stream.once('close', () => carrier.destroy())
  carrier.on('error', () => {}) // its close says it
  stream.on('error', () => carrier.destroy())
}

// The stream of the program keeps the event loop alive if it wants to, but not while
// bytes are in the kernel.
function holdWhileBusy (carrier) {
  const timer = setInterval(() => {
    const bytes = carrier.bytesRead + carrier.bytesWritten
    if (bytes === seen) carrier.unref()
    else carrier.ref()
    seen = bytes
  }, REST_MS)
  let seen = -1
  timer.unref()
  carrier.on('data', () => carrier.ref())
  carrier.once('close', () => clearInterval(timer))
}

module.exports = { bridge }
