'use strict'

// node -r goaway/register app.js: the program's http2.createServer is goaway's,
// however it is imported. What needs TLS stays Node's own.

const { syncBuiltinESMExports } = require('node:module')
const http2 = require('node:http2')

// Before it is replaced: it has Node's own functions in hand.
const goaway = require('./http2.js')

http2.createServer = goaway.createServer
// For programs that extend them.
http2.Http2ServerRequest = goaway.Http2ServerRequest
http2.Http2ServerResponse = goaway.Http2ServerResponse
syncBuiltinESMExports()
