'use strict'

// A process that ends under load ends soon and with the requested exit code, in whatever
// way it ends: Node.js neither aborts nor hangs.

const { test } = require('node:test')
const assert = require('node:assert')
const { start, load, until } = require('./helpers.js')

/** How often each test repeats its process, for example GOAWAY_NODE_REPEAT=20. */
const REPEAT = Number(process.env.GOAWAY_NODE_REPEAT ?? 1)

// How the process ends, with the expected exit code, signal and stderr.
const UNDER_LOAD = {
  unref: { code: 0 },
  close: { code: 0 },
  'close-twice': { code: 0 },
  'await-using': { code: 0 },
  exit: { code: 7 },
  'exit-while-closing': { code: 7 },
  'exit-when-closed': { code: 7 },
  'exit-in-close-event': { code: 7 },
  'exits-in-handler': { code: 7 },
  throws: { code: 1, stderr: /thrown on the loop/ },
  rejects: { code: 1, stderr: /rejected on the loop/ },
  'throws-in-handler': { code: 1, stderr: /thrown in a handler/ },
  'rejects-in-handler': { code: 1, stderr: /rejected in a handler/ },
  killed: { code: null, signal: 'SIGTERM' },
  'killed-gracefully': { code: 0 }
}

const AT_ONCE = {
  'never-started': { code: 0 },
  'end-before-start': { code: 0 },
  'exit-before-listen': { code: 7 },
  'exit-before-start': { code: 7 }
}

function check (way, ended, { code, signal = null, stderr }) {
  const { stdout: _, ...seen } = ended
  assert.deepStrictEqual([ended.code, ended.signal], [code, signal], `${way}: ${JSON.stringify(seen)}`)
  if (stderr) assert.match(ended.stderr, stderr)
  else assert.strictEqual(ended.stderr, '', way)
}

for (const [way, wanted] of Object.entries(UNDER_LOAD)) {
  test(`a process ends under load: ${way}`, async () => {
    for (let count = 0; count < REPEAT; count++) {
      const { child, port, exited } = start('process-exit.js', [way])
      const pressure = load(await port)
      await until(() => pressure.served > 20, 'responses')
      const began = Date.now()
      child.send('go')
      // The signal handler of `killed-gracefully` is set when the process has served more requests.
      if (way.startsWith('killed')) {
        const served = pressure.served
        await until(() => pressure.served > served + 20, 'responses')
        child.kill('SIGTERM')
      }
      check(way, await exited, wanted)
      assert.ok(Date.now() - began < 4000, `${way} took ${Date.now() - began} ms`)
      await until(() => pressure.closed === 4, 'the end of the sessions')
    }
  })
}

for (const [way, wanted] of Object.entries(AT_ONCE)) {
  test(`a process ends before it serves: ${way}`, async () => {
    for (let count = 0; count < REPEAT; count++) check(way, await start('process-exit.js', [way]).exited, wanted)
  })
}
