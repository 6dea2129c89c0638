'use strict'

// node:http2 with its own servers. `require` is avoided if possible: a tracing agent that
// hooks it would wrap the servers of Node.js before goaway/register has replaced them.

const http2 = process.getBuiltinModule?.('node:http2') ?? require('node:http2')
const { createServer, createSecureServer } = http2

module.exports = { http2, createServer, createSecureServer }
