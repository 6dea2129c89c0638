'use strict'

// goaway: an HTTP/2 server that knows how to leave.

const native = require('./lib/native.js')
const { Server } = require('./lib/server.js')
const { Listener } = require('./lib/address.js')
const { Request } = require('./lib/request.js')
const { Session } = require('./lib/session.js')
const { Tls } = require('./lib/tls.js')
const { GoawayError } = require('./lib/errors.js')
const { setLog } = require('./lib/log.js')

module.exports = { Server, Listener, Request, Session, Tls, GoawayError, setLog, memoryUsage: native.memoryUsage, version: native.version }
