'use strict'

// The queue by itself: what it lets through, and what it holds.

const test = require('node:test')
const assert = require('node:assert')
const { WriteQueue } = require('../lib/writequeue.js')

/** A pump that notes what it is given: [length, notify]. */
function fakePump () {
  const wrote = []
  return { wrote, write: (sink, chunk, notify) => wrote.push([chunk.length, notify]), setHighWater () {} }
}

test('a piece is cut where there is no more room, and the rest follows', () => {
  const pump = fakePump()
  const queue = new WriteQueue({}, pump, 100)
  queue.write(Buffer.alloc(250), 250)
  assert.deepStrictEqual(pump.wrote, [[100, true]])
  assert.ok(queue.full && queue.holds)
  assert.strictEqual(queue.onWritable(40, 100), false)
  assert.deepStrictEqual(pump.wrote.slice(1), [[60, true]])
  assert.strictEqual(queue.onWritable(0, 100), true)
  assert.deepStrictEqual(pump.wrote.slice(2), [[90, false]])
  assert.strictEqual(queue.waiting, 90)
})

test('the mark grows as the library says, unless the program has set it', () => {
  const pump = fakePump()
  const queue = new WriteQueue({}, pump, 100)
  queue.write(Buffer.alloc(500), 500)
  queue.onWritable(0, 200)
  assert.deepStrictEqual(pump.wrote, [[100, true], [200, true]])
  queue.setHighWater(50)
  queue.onWritable(0, 400)
  assert.deepStrictEqual(pump.wrote.slice(2), [[50, true]])
})
