'use strict'

// The gate by itself: what it lets through, and what it holds.

const test = require('node:test')
const assert = require('node:assert')
const { Gate } = require('../lib/gate.js')

/** A pump that notes what it is given: [length, notify]. */
function fakePump () {
  const wrote = []
  return { wrote, write: (sink, chunk, notify) => wrote.push([chunk.length, notify]), setHighWater () {} }
}

test('a piece is cut where there is no more room, and the rest follows', () => {
  const pump = fakePump()
  const gate = new Gate({}, pump, 100)
  gate.write(Buffer.alloc(250), 250)
  assert.deepStrictEqual(pump.wrote, [[100, true]])
  assert.ok(gate.full && gate.holds)
  assert.strictEqual(gate.onWritable(40, 100), false)
  assert.deepStrictEqual(pump.wrote.slice(1), [[60, true]])
  assert.strictEqual(gate.onWritable(0, 100), true)
  assert.deepStrictEqual(pump.wrote.slice(2), [[90, false]])
  assert.strictEqual(gate.waiting, 90)
})

test('the mark grows as the library says, unless the program has set it', () => {
  const pump = fakePump()
  const gate = new Gate({}, pump, 100)
  gate.write(Buffer.alloc(500), 500)
  gate.onWritable(0, 200)
  assert.deepStrictEqual(pump.wrote, [[100, true], [200, true]])
  gate.setHighWater(50)
  gate.onWritable(0, 400)
  assert.deepStrictEqual(pump.wrote.slice(2), [[50, true]])
})
