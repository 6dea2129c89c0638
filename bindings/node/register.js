'use strict'

// node -r goaway/register app.js: the program's http2.createServer and
// http2.createSecureServer are goaway's, however they are imported.

const { syncBuiltinESMExports } = require('node:module')
const { http2, ...original } = require('./lib/http2/original.js')

// Who has replaced one before wraps Node's own servers, and sees nothing of goaway's.
for (const [name, create] of Object.entries(original)) {
  if (!Function.prototype.toString.call(create).includes('new Http2')) {
    process.emitWarning(`http2.${name} was replaced before goaway/register was loaded; what replaced it does not see goaway's servers. ` +
      'Load goaway/register first', { code: 'GOAWAY_REGISTER_ORDER' })
  }
}

let goaway

// In their place before anything else is loaded: who hooks `require` and waits for
// node:http2 gets these.
http2.createServer = function createServer (options, onRequest) { return goaway.createServer(options, onRequest) }
http2.createSecureServer = function createSecureServer (options, onRequest) { return goaway.createSecureServer(options, onRequest) }

goaway = require('./http2.js')

// For programs that extend them.
http2.Http2ServerRequest = goaway.Http2ServerRequest
http2.Http2ServerResponse = goaway.Http2ServerResponse
syncBuiltinESMExports()
