'use strict'

// A Fastify app over TLS as it is written for node:http2: that goaway serves it
// is in the command line (-r goaway/register). Arguments: the files of the
// certificate and of its key. Ends by fastify.close() at a message.

const { readFileSync } = require('node:fs')
const fastify = require('fastify')

const [cert, key] = process.argv.slice(2).map((file) => readFileSync(file))
const app = fastify({ http2: true, https: { allowHTTP1: true, cert, key } })
app.get('/', async (request) => ({ version: request.raw.httpVersion, protocol: request.protocol }))
process.once('message', async () => {
  await app.close()
  process.send({ report: app.server.report }, () => process.disconnect())
})
app.listen({ port: 0, host: '127.0.0.1' }).then(() => process.send({ port: app.server.address().port }))
