import cluster from 'node:cluster'
import { Listener, Server } from 'goaway'

if (cluster.isPrimary) {
  const { fd } = new Listener('127.0.0.1:8080')
  cluster.setupPrimary({ stdio: ['inherit', 'inherit', 'inherit', 'ipc', fd] })
  for (let count = 0; count < 2; count++) cluster.fork()
  cluster.on('exit', (worker) => { if (!worker.exitedAfterDisconnect) cluster.fork() })
  process.once('SIGTERM', () => cluster.disconnect())
} else {
  const server = new Server({ limits: { workers: 1 } })
  server.register('GET /', (request) => request.respond(200, `${process.pid}\n`))
  await server.start({ bind: { fd: 4 } }) // the fifth of stdio
  process.once('disconnect', () => server.close({ drainMs: 5000 }))
}
