'use strict'

// node:http2's interface over goaway: the servers are goaway's, everything else
// is Node's own.

const nodeHttp2 = require('node:http2')
const { Http2Server } = require('./lib/http2/server.js')
const { Http2SecureServer } = require('./lib/http2/secureserver.js')
const { Http2ServerRequest, Http2ServerResponse } = require('./lib/http2/compat.js')

/**
 * As http2.createServer, with the options of docs/node-http2.md besides:
 * `drainMs`, how long close() lets open streams go on, `shutdownDelayMs`, how long
 * it waits before, `limits` and `features`.
 */
function createServer (options, onRequest) {
  return new Http2Server(options, onRequest)
}

/**
 * As http2.createSecureServer, over goaway's TLS; `certFile`, `keyFile` and
 * `caFile` besides. An option that goaway's TLS cannot do throws.
 */
function createSecureServer (options, onRequest) {
  return new Http2SecureServer(options, onRequest)
}

module.exports = { ...nodeHttp2, createServer, createSecureServer, Http2ServerRequest, Http2ServerResponse }
