'use strict'

// Programs written for node:http2, run unchanged.

const test = require('node:test')
const assert = require('node:assert')
const { once } = require('node:events')
const { join } = require('node:path')
const { start, connect, send } = require('./helpers.js')

const REQUIRE = ['-r', join(__dirname, '..', 'register.js')]
const [major, minor] = process.versions.node.split('.').map(Number)
const skip = major > 18 || (major === 18 && minor >= 18) ? false : 'Node.js has no --import'
const IMPORT = ['--import', join(__dirname, '..', 'register.mjs')]

async function run (name, execArgv, path = '/', env = {}) {
  const { child, port, exited } = start(name, [], { execArgv, env })
  const client = connect(await port)
  await once(client, 'connect')
  const heard = (what) => new Promise((resolve) => child.on('message', (message) => { if (what in message) resolve(message[what]) }))
  const hanging = heard('hanging')
  const told = heard('report')
  const answer = send(client, path)
  // Before it has arrived there is no stream to hold up the end.
  await (path === '/' ? answer : hanging)
  child.send('close')
  const report = await told
  const { code, stderr } = await exited
  client.destroy()
  assert.strictEqual(code, 0, stderr)
  return { report, answer: await answer }
}

test('CommonJS, -r', async () => {
  const { report, answer } = await run('unchanged.js', REQUIRE)
  assert.strictEqual(answer.body, 'unchanged')
  assert.strictEqual(report.sessionsGraceful, 1)
})

test('modules, -r', async () => {
  const { report, answer } = await run('unchanged.mjs', REQUIRE)
  assert.strictEqual(answer.headers['x-same'], 'true')
  assert.strictEqual(report.sessionsGraceful, 1)
})

test('modules, --import', { skip }, async () => {
  const { report, answer } = await run('unchanged.mjs', IMPORT)
  assert.strictEqual(answer.headers['x-same'], 'true')
  assert.strictEqual(report.sessionsGraceful, 1)
})

test('a stream that hangs does not hold up the end longer than GOAWAY_DRAIN_MS', async () => {
  const { report, answer } = await run('unchanged.js', REQUIRE, '/hang', { GOAWAY_DRAIN_MS: '100' })
  assert.strictEqual(report.streamsReset, 1)
  assert.notStrictEqual(answer.code, 0)
})
