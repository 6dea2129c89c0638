'use strict'

// node:http2's interface over goaway: createServer is goaway's, everything
// else is Node's own.

const nodeHttp2 = require('node:http2')
const { Http2Server } = require('./lib/http2/server.js')
const { Http2ServerRequest, Http2ServerResponse } = require('./lib/http2/compat.js')

const createNodeSecureServer = nodeHttp2.createSecureServer

/**
 * As http2.createServer, with the options of docs/node-http2.md besides:
 * `drainMs`, how long close() lets open streams go on, and `limits`.
 */
function createServer (options, onRequest) {
  return new Http2Server(options, onRequest)
}

/** TLS is not there yet: throws, so that nobody believes to have what they have not. */
function createSecureServer () {
  const error = new Error('goaway/http2 has no TLS yet: use createSecureServer of node:http2, or let a proxy speak TLS in front')
  error.code = 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM'
  throw error
}

module.exports = { ...nodeHttp2, createServer, createSecureServer, Http2ServerRequest, Http2ServerResponse }
