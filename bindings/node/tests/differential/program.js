'use strict'

// Makes small programs from numbers: what a server does with one request, and
// what its client does meanwhile. The same seed gives the same program.

/** A generator of pseudo-random numbers (mulberry32). */
class Random {
  #state

  constructor (seed) { this.#state = seed >>> 0 }

  /** A number from 0 to 1, without 1. */
  next () {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let bits = this.#state
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 4294967296
  }

  /** An integer from 0 to `limit`, without `limit`. */
  below (limit) { return Math.floor(this.next() * limit) }
  chance (share) { return this.next() < share }
  /** One of the values. */
  of (...values) { return values[this.below(values.length)] }
}

const FIELDS = [
  { 'content-type': 'text/plain' },
  { 'x-one': '1', 'x-two': '2' },
  { 'X-Upper': 'case' },
  { 'set-cookie': ['a=1', 'b=2'] },
  { 'x-list': ['1', '2'] },
  { 'x-number': 7 },
  { 'content-length': 4 },
  { 'x-empty': '' },
  { 'x-long': 'v'.repeat(9000) },
  { 'x-too-long': 'v'.repeat(66000) },
  { connection: 'close' },
  { 'transfer-encoding': 'chunked' },
  { te: 'trailers' },
  { '': 'no name' },
  { 'bad name': 'x' },
  { 'x-undefined': undefined },
  {}
]

const STATUSES = [200, 200, 200, 200, 201, 204, 205, 206, 301, 304, 400, 403, 404, 500, 503, 599, 100, 101, 199, 600, 99]
const SIZES = [0, 1, 10, 1000, 16384, 20000, 70000]
const CODES = [0, 2, 7, 8]

const chunk = (random) => ({ size: random.of(...SIZES), callback: random.chance(0.6), text: random.chance(0.3) })

/** Steps of the stream API. */
const OF_STREAM = {
  respond: (random) => ({
    status: random.chance(0.7) ? random.of(...STATUSES) : undefined,
    fields: random.of(...FIELDS),
    endStream: random.chance(0.1),
    waitForTrailers: random.chance(0.15)
  }),
  additionalHeaders: (random) => ({ status: random.of(100, 102, 103, 103, 101, 200), fields: random.of({ link: '</a>' }, {}) }),
  write: chunk,
  end: (random) => ({ ...chunk(random), data: random.chance(0.6) }),
  sendTrailers: () => ({}),
  close: (random) => ({ code: random.of(...CODES), callback: random.chance(0.5) }),
  destroy: (random) => ({ error: random.chance(0.5) }),
  read: () => ({})
}

/** Steps of the compatibility API. */
const OF_COMPAT = {
  setHeader: (random) => ({ fields: random.of(...FIELDS) }),
  removeHeader: (random) => ({ name: random.of('content-type', 'x-one', 'date', 'absent') }),
  statusCode: (random) => ({ status: random.of(...STATUSES) }),
  writeHead: (random) => ({ status: random.of(...STATUSES), fields: random.chance(0.6) ? random.of(...FIELDS) : undefined }),
  flushHeaders: () => ({}),
  writeContinue: () => ({}),
  writeEarlyHints: () => ({}),
  setTrailer: () => ({}),
  write: chunk,
  end: OF_STREAM.end,
  close: OF_STREAM.close,
  destroy: OF_STREAM.destroy,
  read: () => ({})
}

/** How often each step is drawn; 1 if it is not named here. */
const WEIGHTS = { respond: 5, write: 5, end: 5, setHeader: 4, writeHead: 4, statusCode: 2, close: 0.7, destroy: 0.7 }

function draw (random, steps) {
  const names = Object.keys(steps)
  let left = random.next() * names.reduce((sum, name) => sum + (WEIGHTS[name] ?? 1), 0)
  const name = names.find((name) => (left -= WEIGHTS[name] ?? 1) < 0) ?? names[0]
  return { step: name, ...steps[name](random) }
}

const ENDS = ['end', 'close', 'destroy']

// Each step is done in the turn of the one before, or in a later one. Behind an
// end none is in a later one: how far the response has got by then is chance.
function steps (random, most, from) {
  let ends = false
  return Array.from({ length: 1 + random.below(most) }, () => {
    const turn = random.of('same', 'same', 'same', 'tick', 'immediate')
    const step = { ...draw(random, from), turn: ends ? 'same' : turn }
    ends ||= ENDS.includes(step.step) || step.endStream === true
    return step
  })
}

/** What the usual program does: otherwise most programs would fail at their first step. */
function usual (random, api) {
  const body = Array.from({ length: random.below(4) }, () => ({ step: 'write', ...chunk(random), turn: random.of('same', 'immediate') }))
  const head = api === 'stream'
    ? { step: 'respond', status: random.of(200, 404, 500), fields: random.of(...FIELDS.slice(0, 6)), waitForTrailers: random.chance(0.2), turn: 'same' }
    : { step: 'writeHead', status: random.of(200, 404, 500), fields: random.of(...FIELDS.slice(0, 6)), turn: 'same' }
  const end = { step: 'end', ...OF_STREAM.end(random), turn: random.of('same', 'immediate') }
  if (!random.chance(0.3)) return [head, ...body, end]
  return [head, { step: 'cork', turn: 'same' }, ...body, { step: 'uncork', turn: 'same' }, end]
}

/**
 * The program of a seed: `api`, the `request`, what the `client` does, the
 * `steps` of the server, and those `after` its stream has closed.
 */
function generate (seed) {
  const random = new Random(seed)
  const api = random.of('stream', 'compat')
  const from = api === 'stream' ? OF_STREAM : OF_COMPAT
  const client = random.of('reads', 'reads', 'reads', 'reads', 'resets', 'leaves', 'is killed', 'stops reading')
  const method = random.of('GET', 'GET', 'HEAD', 'POST', 'POST')
  const program = {
    seed,
    api,
    client,
    window: random.of('default', 'large'),
    request: { method, body: method === 'POST' ? random.of(0, 5, 5000, 40000) : undefined },
    reads: random.chance(0.6),
    steps: random.chance(0.4) ? usual(random, api) : steps(random, 6, from),
    after: random.chance(0.5) ? steps(random, 3, from) : []
  }
  if (program.steps.some(({ step }) => step === 'read')) program.reads = false
  // Whether the end of an empty body is told to who does not read depends on the frame that it came in.
  if (program.request.body === 0) program.reads = true
  if (client !== 'reads') misbehaved(random, program)
  // Its stream may have closed by the next turn.
  if (method === 'HEAD') for (const step of program.steps) step.turn = 'same'
  return program
}

// A client that leaves does so when it has the head: the server sends one, and
// its other steps come when it has noticed.
function misbehaved (random, program) {
  const head = program.api === 'stream'
    ? { step: 'respond', status: 200, fields: {}, turn: 'same' }
    : { step: 'writeHead', status: 200, fields: {}, turn: 'same' }
  const size = program.client === 'stops reading' ? 300000 : random.of(0, 10, 20000)
  const write = { step: 'write', size, callback: true, text: false, turn: 'same' }
  program.request = random.chance(0.5) ? { method: 'GET', body: undefined } : { method: 'POST', body: 5000 }
  program.steps = [head, write]
  if (random.chance(0.3)) program.steps.push({ step: 'write', ...chunk(random), turn: 'same' })
}

module.exports = { generate }
