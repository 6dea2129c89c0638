'use strict'

// node:http2 as Node.js has it, with its own servers. It is not asked for by
// `require` if there is another way: a tracing agent that hooks `require` would
// wrap Node's servers before goaway/register has put goaway's in their place.

const http2 = process.getBuiltinModule?.('node:http2') ?? require('node:http2')
const { createServer, createSecureServer } = http2

module.exports = { http2, createServer, createSecureServer }
