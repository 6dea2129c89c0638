'use strict'

// Fastify over goaway: fastify({ http2: true, serverFactory }).

const { createServer, createSecureServer } = require('./http2.js')
const { checkOptions } = require('./lib/options.js')

/**
 * Makes a `serverFactory` for Fastify's option of that name. `drainMs`: how long
 * `app.close()` lets open streams go on (5000); at most a second later it has
 * closed. `shutdownDelayMs`: how long it waits before, not `app.server.ready`. `health`:
 * the paths of health checks. `limits` and `features` are goaway's. Everything else comes from Fastify's options.
 */
function createServerFactory (options = {}) {
  const { drainMs, shutdownDelayMs, health, limits, features } = checkOptions(options, ['drainMs', 'shutdownDelayMs', 'health', 'limits', 'features'], 'createServerFactory')
  return function serverFactory (handler, options) {
    if (!options.http2) throw new TypeError('goaway/fastify serves HTTP/2: fastify({ http2: true, serverFactory })')
    const own = defined({ drainMs, shutdownDelayMs, health, limits, features })
    const server = options.https
      ? createSecureServer({ ...options.https, ...own }, handler)
      : createServer({ ...options.http, ...own }, handler)
    const idleMs = options.http2SessionTimeout
    if (idleMs > 0) {
      server.on('session', (session) => session.setTimeout(idleMs, () => session.close()))
    }
    server.setTimeout(options.connectionTimeout ?? 0)
    return server
  }
}

function defined (given) {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

module.exports = { createServerFactory, serverFactory: createServerFactory() }
