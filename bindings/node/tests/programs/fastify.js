'use strict'

// A Fastify app as it is written for node:http2: that goaway serves it is in the
// command line (-r goaway/register). Ends by fastify.close() at a message.

const fastify = require('fastify')

const app = fastify({ http2: true })
app.get('/', async () => ({ hello: 'world' }))
app.get('/hang', () => new Promise(() => {}))
app.addHook('onClose', async () => { process.send({ hook: true }) })
process.once('message', async () => {
  await app.close()
  process.send({ report: app.server.report }, () => process.disconnect())
})
app.listen({ port: 0, host: '127.0.0.1' }).then(() => process.send({ port: app.server.address().port }))
