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

const AGENT = ['-r', join(__dirname, 'programs', 'agent.js')]

async function trace (execArgv, hook) {
  const { child, port, exited } = start('traced.js', [], { execArgv, env: { HOOK: hook } })
  const client = connect(await port)
  const answer = await send(client, '/traced')
  const told = new Promise((resolve) => child.on('message', (message) => { if ('seen' in message) resolve(message) }))
  child.send('close')
  const { seen, isOurs } = await told
  const { code, stderr } = await exited
  client.destroy()
  assert.strictEqual(code, 0, stderr)
  assert.ok(isOurs)
  return { seen, answer, stderr }
}

for (const [what, order, hook] of [
  ['that wraps at once, behind goaway/register', [...REQUIRE, ...AGENT], 'now'],
  ['that hooks require, behind goaway/register', [...REQUIRE, ...AGENT], 'require'],
  ['that hooks require, before goaway/register', [...AGENT, ...REQUIRE], 'require']
]) {
  const missing = hook === 'require' && order[1] === AGENT[1] && process.getBuiltinModule === undefined
  test(`an agent ${what}, sees the compatibility API as in Node.js`, { skip: missing ? 'Node.js has no process.getBuiltinModule' : false }, async () => {
    const { seen, answer, stderr } = await trace(order, hook)
    assert.deepStrictEqual(seen, ['connection undefined', 'session undefined', 'stream /traced', 'request /traced', 'respond 200 /traced'])
    assert.deepStrictEqual([answer.headers['x-agent'], answer.headers['x-context'], answer.body], ['seen', '/traced', 'traced'])
    assert.doesNotMatch(stderr, /GOAWAY_REGISTER_ORDER/)
  })
}

test('an agent that has wrapped Node.js before goaway/register is warned of', async () => {
  const { seen, answer, stderr } = await trace([...AGENT, ...REQUIRE], 'now')
  assert.deepStrictEqual([seen, answer.body], [[], 'traced'])
  assert.match(stderr, /\[GOAWAY_REGISTER_ORDER\] Warning: http2\.createServer was replaced before/)
})

test('OpenTelemetry, loaded before or behind goaway/register', async () => {
  const telemetry = ['-r', join(__dirname, 'programs', 'telemetry.js')]
  for (const order of [[...telemetry, ...REQUIRE], [...REQUIRE, ...telemetry]]) {
    const { answer, stderr } = await trace(order)
    assert.strictEqual(answer.body, 'traced')
    assert.doesNotMatch(stderr, /Warning/)
  }
})
