'use strict'

// node -r goaway/register app.js: the program's http2.createServer and
// http2.createSecureServer are goaway's, however they are imported.

const { syncBuiltinESMExports } = require('node:module')
const http2 = require('node:http2')

// Before it is replaced: it has Node's own functions in hand.
const goaway = require('./http2.js')

http2.createServer = goaway.createServer
http2.createSecureServer = goaway.createSecureServer
// For programs that extend them.
http2.Http2ServerRequest = goaway.Http2ServerRequest
http2.Http2ServerResponse = goaway.Http2ServerResponse
syncBuiltinESMExports()
