'use strict'

// Some hundred generated programs, each with node:http2 and with goaway/http2:
// server and client must see the same, but for the differences that
// differential/differences.js lists with their reasons.
//
// GOAWAY_PROGRAMS=5000 runs more of them, GOAWAY_SEED=7 begins with another one.

const test = require('node:test')
const assert = require('node:assert')
const plain = require('node:http2')
const ours = require('../http2.js')
const { generate } = require('./differential/program.js')
const { run } = require('./differential/run.js')
const { compare, DIFFERENCES } = require('./differential/differences.js')

const PROGRAMS = Number(process.env.GOAWAY_PROGRAMS ?? 300)
const FIRST = Number(process.env.GOAWAY_SEED ?? 0)
/** Programs that run at a time. */
const AT_A_TIME = 8
/** A program that differs runs again by itself, with more time: what differs by chance does not differ each time. */
const TRIES = 4
const SHORT_MS = 200
const LONG_MS = 1500

async function differ (seed, patienceMs) {
  const program = generate(seed)
  return compare(program, await run(program, plain.createServer, patienceMs), await run(program, ours.createServer, patienceMs))
}

// The list of differences was made with Node.js 20; newer versions have not been tried.
const skip = Number(process.versions.node.split('.')[0]) < 20

test(`${PROGRAMS} programs see the same with node:http2 and with goaway/http2`, { skip }, async () => {
  const seeds = Array.from({ length: PROGRAMS }, (_, index) => FIRST + index)
  const suspects = []
  const work = async () => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      if (await differ(seed, SHORT_MS) !== null) suspects.push(seed)
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, work))
  const found = []
  for (const seed of suspects) {
    let difference = null
    for (let count = 0; count < TRIES && (difference = await differ(seed, LONG_MS)) !== null; count++);
    if (difference !== null) found.push({ program: generate(seed), ...difference })
  }
  assert.strictEqual(found.length, 0, JSON.stringify(found.slice(0, 3), null, 1))
})

test('each listed difference is one', { skip }, async () => {
  const unused = new Set(DIFFERENCES)
  for (let seed = 0; seed < 1000; seed++) {
    for (const difference of unused) if (difference.applies.length === 1 && difference.applies(generate(seed))) unused.delete(difference)
  }
  assert.deepStrictEqual([...unused].filter(({ applies }) => applies.length === 1).map(({ reason }) => reason), [])
})
