'use strict'

// A worker or two with a server of node:http2's interface, as programs for the
// cluster module are written. Arguments: 'rr' or 'none', a path or '' for a port,
// and the files of a key and a certificate, or none.

const cluster = require('node:cluster')
const http2 = require('../../http2.js')

const [policy, path, keyFile, certFile] = process.argv.slice(2)

async function primary () {
  cluster.schedulingPolicy = policy === 'rr' ? cluster.SCHED_RR : cluster.SCHED_NONE
  const workers = [cluster.fork(), cluster.fork()]
  const ports = await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', ({ port }) => resolve(port)))))
  process.send({ port: ports[0] })
  process.once('message', async () => {
    const began = Date.now()
    const exits = workers.map((worker) => new Promise((resolve) => worker.once('exit', (code, signal) => resolve(signal ?? code))))
    cluster.disconnect()
    const codes = await Promise.all(exits)
    process.send({ codes, ms: Date.now() - began }, () => process.exit())
  })
}

function worker () {
  const answer = (request, response) => {
    const { remoteAddress, remotePort } = request.socket
    response.end(JSON.stringify({ pid: process.pid, remoteAddress, remotePort }))
  }
  const server = keyFile ? http2.createSecureServer({ keyFile, certFile }, answer) : http2.createServer(answer)
  server.drainMs = 500
  server.listen(path || { port: 0, host: '127.0.0.1' }, () => process.send({ port: server.address().port ?? 0 }))
}

if (cluster.isPrimary) primary()
else worker()
