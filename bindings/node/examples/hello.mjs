import { Server } from 'goaway'

const server = new Server()
server.register('GET /', (request) => request.respond(200, 'hello\n', { 'content-type': 'text/plain' }))
await server.start({ bind: '127.0.0.1:8080' })
console.log(`listening on ${server.addresses[0]}`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close({ drainMs: 5000 }))
