'use strict'

// How streams and sessions end, and whom callbacks run for: as in Node.js.

const { test } = require('node:test')
const assert = require('node:assert')
const { AsyncLocalStorage } = require('node:async_hooks')
const { once } = require('node:events')
const nodeHttp2 = require('node:http2')
const net = require('node:net')
const goawayHttp2 = require('../http2.js')

const BOTH = [['Node.js', nodeHttp2], ['goaway', goawayHttp2]]

async function serving (t, http2, onStream, host = '127.0.0.1', options = {}) {
  const server = http2.createServer({})
  server.on('stream', onStream)
  server.on('sessionError', () => {})
  server.listen(0, host)
  await once(server, 'listening')
  const socket = net.connect(server.address().port, host === '::' ? '127.0.0.1' : host)
  socket.on('error', () => {})
  const client = nodeHttp2.connect('http://localhost', { createConnection: () => socket, ...options })
  client.on('error', () => {})
  t.after(async () => {
    client.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return { server, client, socket }
}

for (const [name, http2] of BOTH) {
  for (const [how, end] of [['ended', (stream) => stream.end('x')], ['closed', (stream) => stream.close()], ['reset', (stream) => stream.close(8)]]) {
    for (const pause of [(stream) => stream.pause(), (stream) => stream.on('readable', () => {})]) {
      test(`a paused stream that is ${how} closes: ${name}`, { timeout: 10_000 }, async (t) => {
        const closed = new Promise((resolve, reject) => {
          serving(t, http2, (stream) => {
            stream.on('close', resolve)
            pause(stream)
            stream.respond()
            end(stream)
          }).then(({ client }) => client.request().on('error', () => {}).resume(), reject)
        })
        await closed
      })
    }
  }

  test(`a body that comes behind the end of its stream is dropped: ${name}`, { timeout: 10_000 }, async (t) => {
    const errors = []
    const closed = new Promise((resolve, reject) => {
      serving(t, http2, (stream) => {
        stream.on('error', (error) => errors.push(error.code))
        stream.on('close', resolve)
        stream.resume()
        stream.respond()
        stream.write('some', () => stream.close())
      }).then(({ client }) => {
        const stream = client.request({ ':method': 'POST' }).on('error', () => {})
        for (let count = 0; count < 100; count++) stream.write(Buffer.alloc(3000))
      }, reject)
    })
    await closed
    assert.deepStrictEqual(errors, [])
  })

  test(`a connection that breaks is told to who listens: ${name}`, { timeout: 10_000 }, async (t) => {
    const told = []
    const closed = new Promise((resolve, reject) => {
      serving(t, http2, (stream) => {
        stream.on('error', (error) => told.push(error.code))
        stream.on('close', () => resolve(stream.rstCode))
        stream.respond()
      }).then(({ client, socket }) => client.request().on('error', () => {}).on('response', () => socket.resetAndDestroy()), reject)
    })
    assert.strictEqual(await closed, 2)
    assert.deepStrictEqual(told, ['ECONNRESET'])
  })

  test(`callbacks run where they were given: ${name}`, { timeout: 10_000 }, async (t) => {
    const storage = new AsyncLocalStorage()
    const seen = {}
    const note = (name) => () => { seen[name] = storage.getStore() }
    let subject
    const { server, client } = await serving(t, http2, (stream) => {
      subject = stream.session
      stream.respond()
      storage.run('settings', () => stream.session.settings({ initialWindowSize: 100_000 }, note('settings')))
      storage.run('ping', () => stream.session.ping(note('ping')))
      storage.run('write', () => stream.write('x', note('write')))
      storage.run('large', () => stream.write(Buffer.alloc(300_000), note('large')))
      storage.run('end', () => stream.end(note('end')))
    })
    const stream = client.request()
    stream.resume()
    await once(stream, 'close')
    const left = once(subject, 'close')
    client.close()
    await left
    // Nothing is open any more: of one that waits for its peers Node.js runs it where the last has left.
    await new Promise((resolve) => storage.run('server', () => server.close(() => { note('server')(); resolve() })))
    // Behind a write that waits, the others' run where that one was given.
    for (const behind of ['large', 'end']) seen[behind] &&= behind
    assert.deepStrictEqual(seen, { settings: 'settings', ping: 'ping', write: 'write', large: 'large', end: 'end', server: 'server' })
  })

  for (const host of ['::', '127.0.0.1']) {
    test(`addresses on ${host}: ${name}`, { timeout: 10_000 }, async (t) => {
      const seen = new Promise((resolve, reject) => {
        serving(t, http2, (stream) => {
          const { remoteAddress, remoteFamily, localAddress, localFamily } = stream.session.socket
          resolve([remoteAddress, remoteFamily, localAddress, localFamily])
          stream.respond()
          stream.end()
        }, host).then(({ client }) => client.request().on('error', () => {}).resume(), reject)
      })
      const [address, family] = host === '::' ? ['::ffff:127.0.0.1', 'IPv6'] : ['127.0.0.1', 'IPv4']
      assert.deepStrictEqual(await seen, [address, family, address, family])
    })
  }
}

// What a callback has confirmed is delivered, whatever ends the stream behind it.
for (const [how, end] of [
  ['destroyed', (stream) => stream.destroy()], ['reset', (stream) => stream.close(8)], ['closed', (stream) => stream.close()],
  ['failed', (stream) => stream.destroy(new Error('on purpose'))], ['destroyed with its session', (stream) => stream.session.destroy()]
]) {
  for (const [windows, settings] of [['default windows', undefined], ['large windows', { initialWindowSize: 16_000_000 }]]) {
    test(`what was confirmed is delivered when the stream is ${how}, with ${windows}`, { timeout: 20_000 }, async (t) => {
      let confirmed = 0
      let ended
      const over = new Promise((resolve) => { ended = resolve })
      const { client, socket } = await serving(t, goawayHttp2, (stream) => {
        stream.on('error', () => {})
        stream.on('close', ended)
        stream.respond()
        const next = () => stream.write(Buffer.alloc(20_000, 'x'), (error) => {
          if (error) return
          confirmed += 20_000
          next()
        })
        next()
        setTimeout(end, 120, stream)
      }, '127.0.0.1', { settings })
      await once(client, 'remoteSettings')
      if (settings !== undefined) client.setLocalWindowSize(16_000_000)
      const stream = client.request().on('error', () => {})
      let received = 0
      // It reads nothing until the stream has ended at the server; then all that there is.
      const read = new Promise((resolve) => stream.on('close', resolve))
      stream.once('response', () => {
        socket.pause()
        over.then(() => {
          socket.resume()
          stream.on('data', (chunk) => { received += chunk.length })
        })
      })
      await read
      assert.ok(confirmed > 0, 'some was confirmed')
      assert.ok(received >= confirmed, `${confirmed} bytes were confirmed, ${received} came`)
    })
  }
}

test('callbacks of a server and a session that wait for their peers run where they were given', { timeout: 10_000 }, async (t) => {
  const storage = new AsyncLocalStorage()
  const seen = []
  const { server, client } = await serving(t, goawayHttp2, (stream) => {
    storage.run('session', () => stream.session.close(() => seen.push(storage.getStore())))
    storage.run('stream', () => stream.close(0, () => seen.push(storage.getStore())))
    storage.run('server', () => server.close(() => seen.push(storage.getStore())))
  })
  client.request().on('error', () => {}).resume()
  await once(server, 'close')
  await new Promise(setImmediate)
  assert.deepStrictEqual(seen.sort(), ['server', 'session', 'stream'])
})

for (const [name, http2] of BOTH) {
  test(`a peer that has said GOAWAY may break the connection: ${name}`, { timeout: 10_000 }, async (t) => {
    const told = []
    const closed = new Promise((resolve, reject) => {
      serving(t, http2, (stream) => {
        for (const event of ['aborted', 'error', 'close']) stream.on(event, () => told.push(event))
        stream.session.on('error', () => told.push('session error'))
        stream.session.on('goaway', () => told.push('goaway'))
        stream.session.on('close', () => resolve(stream.rstCode))
        stream.respond()
        stream.write('x')
      }).then(({ server, client, socket }) => {
        server.on('sessionError', () => told.push('sessionError'))
        const stream = client.request().on('error', () => {})
        stream.once('response', () => {
          client.goaway(0)
          client.ping(() => socket.resetAndDestroy())
        })
      }, reject)
    })
    assert.strictEqual(await closed, 0)
    assert.deepStrictEqual(told, ['goaway', 'aborted', 'close'])
  })
}

test('a peer that breaks off ends no process', { timeout: 10_000 }, async (t) => {
  let closed
  const over = new Promise((resolve) => { closed = resolve })
  const { client, socket } = await serving(t, goawayHttp2, (stream) => { // without a listener to 'error'
    stream.on('close', closed)
    stream.respond()
    stream.write('x')
  })
  client.request().on('error', () => {}).on('response', () => socket.resetAndDestroy())
  await over
})
