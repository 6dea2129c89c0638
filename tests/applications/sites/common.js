'use strict'

// What the programs for Node.js share: the certificate, the port, the end.

const { readFileSync } = require('node:fs')

/** The options of a TLS server that speaks HTTP/2 and HTTP/1.1. */
const secure = () => ({ allowHTTP1: true, cert: readFileSync('cert.pem'), key: readFileSync('key.pem') })

/** Listens on the port that the command line names, until SIGTERM. */
function run (server) {
  server.listen(Number(process.argv[2]), '127.0.0.1')
  process.once('SIGTERM', () => server.close())
}

module.exports = { secure, run }
