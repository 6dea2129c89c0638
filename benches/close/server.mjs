// The same routes under node:http2; SIGTERM closes it as its documentation says,
// and what is left after the drain is destroyed.

import http2 from 'node:http2'
import { setTimeout as sleep } from 'node:timers/promises'

const [port, drain] = process.argv.slice(2).map(Number)
const sessions = new Set()
const server = http2.createServer(async (request, response) => {
  if (request.url === '/slow') await sleep(1000)
  if (request.url === '/hang') return
  response.setHeader('content-type', 'text/plain')
  if (request.url === '/big') response.write(Buffer.alloc(64 * 1024 * 1024, 'x'))
  response.end('done')
})
server.on('session', (session) => {
  sessions.add(session)
  session.on('close', () => sessions.delete(session))
})
server.listen(port, '127.0.0.1')
process.once('SIGTERM', () => {
  server.close()
  for (const session of sessions) session.close()
  setTimeout(() => { for (const session of sessions) session.destroy() }, drain * 1000).unref()
})
