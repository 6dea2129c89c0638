// Compiled, never run: what the declarations promise to a program in TypeScript.

import { createServer, createSecureServer, type SessionEnd } from 'goaway/http2'
import { createServerFactory, serverFactory } from 'goaway/fastify'
import goaway, { Server, GoawayError, version, type Request, type Report, type Outcome } from 'goaway'

async function main (): Promise<Report> {
  const server = new Server({ limits: { workers: 1, idleMs: 60_000 }, queueRecords: 1024, padding: 'aligned' })
  server.register('GET /users/{id}', (request: Request) => request.respond(200, request.params.id, { 'x-count': 1 }))
  server.register('* /echo', async (request) => {
    const { body } = request
    request.writeHead(200, [['content-type', 'text/plain']])
    for await (const chunk of body) if (!await request.write(chunk)) break
    request.end(null, { 'x-end': ['1', '2'] })
  })
  server.on('session', (session) => session.once('closed', ({ cause, outcome }) => console.log(cause, outcome)))
  server.on('session', (session) => session.once('secured', () => {
    session.altsvc('h2=":8000"', { origin: `https://${session.tls?.serverName}` })
    session.origin('https://example.com', 'https://example.org')
    // @ts-expect-error of which origin, or of which stream
    session.altsvc('clear')
  }))
  server.on('error', (error, request) => console.error(error, request.path, version))
  server.on('progress', ({ leftMs }) => console.log(leftMs))
  await server.start({ bind: ['127.0.0.1:0', { host: '::1', port: 0 }] })
  const ports: number[] = server.ports
  server.ready = ports.length > 0
  try {
    return await server.close({ drainMs: 100 })
  } catch (error) {
    if (error instanceof GoawayError) console.error(error.code, error.reason)
    throw error
  }
}

const IN_HANDSHAKE: Outcome = 'in_handshake'

function fields (request: Request): boolean {
  request.inform(103, Object.entries({ link: ['</a>', '</b>'] }))
  request.inform(103, new Map([['link', '</a>']]))
  request.inform(103, new Headers({ link: '</a>' }))
  request.inform(103, ['link', '</a>', 'x-count', 7n])
  // @ts-expect-error a field has a value
  request.inform(103, { link: undefined })
  return request.respond(200, IN_HANDSHAKE, [['x-many', ['a', 1]]])
}

async function disposed (): Promise<void> {
  await using server = new Server()
  // @ts-expect-error a limit that there is not
  server.setLimit('sides', 3)
  // @ts-expect-error a handler is a function
  server.register('GET /', 'hello')
}

function compatible (): void {
  const server = createServer({ drainMs: 1000 }, (request, response) => {
    response.setHeader('x-url', request.url)
    response.end()
  })
  server.on('sessionClosed', ({ id, outcome }: SessionEnd) => console.log(id, outcome))
  server.sessions[0]?.close({ drainMs: 100 })
  server.sessions[0]?.abort({ code: 11, debug: 'calm down' })
  server.close({ drainMs: 0 }, () => console.log(server.report?.streamsReset))
  const factories: Array<typeof serverFactory> = [serverFactory, createServerFactory({ drainMs: 1000 })]
  console.log(factories)
}

compatible()
console.log(fields, new goaway.Tls({}))
void main().then(disposed)

const secure = createSecureServer({ cert: 'PEM', key: 'PEM', allowHTTP1: true, drainMs: 100, limits: { idleMs: 0 } }, (request, response) => response.end(request.httpVersion))
secure.setSecureContext({ certFile: 'certificate.pem', keyFile: 'key.pem' })
secure.addContext('example.org', { cert: 'PEM', key: 'PEM' })
secure.on('tlsClientError', (error: Error) => error.message)
