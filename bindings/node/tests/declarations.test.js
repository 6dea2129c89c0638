'use strict'

// index.d.ts is what index.js has, and both are what goaway.json says of the C
// interface: limits, causes, outcomes, stages, events, the members of reports and
// of sessions. So are the constants of the native part and the layout of records.

const { test } = require('node:test')
const assert = require('node:assert')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const goaway = require('../index.js')
const native = require('../lib/native.js')
const { Records } = require('../lib/records.js')

const root = join(__dirname, '..')
const declared = readFileSync(join(root, 'index.d.ts'), 'utf8')
const api = JSON.parse(readFileSync(join(root, '..', '..', 'include', 'goaway.json'), 'utf8'))

const camel = (name) => name.toLowerCase().replace(/_(\w)/g, (_, letter) => letter.toUpperCase())

/** The names of an enum, by number, without their common start. */
function enumeration (start) {
  const names = []
  const { members } = api.enums.find(({ members }) => members[0].name.startsWith(start))
  for (const { name, value } of members) names[value] = name.slice(start.length)
  assert.ok(names.length > 2, start)
  return names
}

/** The members of a structure, in order. */
function membersOf (name) {
  return api.structs.find((struct) => struct.name === name).members
}

function structure (name) {
  return membersOf(name).map((member) => camel(member.name))
}

/** The members of an interface of index.d.ts. */
function interfaceOf (name) {
  const body = new RegExp(`export interface ${name}(?: extends \\w+)? \\{\\n([^]*?)\\n\\}`).exec(declared)[1]
  return Array.from(body.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm), ([, member]) => member)
}

/** The texts of a union of index.d.ts. */
function union (name) {
  const body = new RegExp(`export type ${name} =([^]*?)\\n\\n`).exec(declared)[1]
  return Array.from(body.matchAll(/'(\w+)'/g), ([, text]) => text)
}

test('each constant of the native part has its number', () => {
  const known = new Map()
  for (const { name, value } of [...api.constants, ...api.enums.flatMap(({ members }) => members)]) known.set(name, value)
  for (const [name, value] of Object.entries(native.constants)) assert.strictEqual(value, known.get(`GOAWAY_${name}`), name)
  for (const name of known.keys()) {
    if (name.startsWith('GOAWAY_RECORD_KIND_')) assert.ok(name.slice(7) in native.constants, `the native part has no ${name}`)
  }
  assert.deepStrictEqual(native.statuses, api.enums.find(({ name }) => name === 'goaway_status').members.map(({ name }) => name))
})

test('records are read where their members stand', () => {
  const little = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
  const values = {}
  const take = (bytes, arena, sizes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    let at = 0
    for (const [index, { name, type }] of membersOf('goaway_record').entries()) {
      const size = { uint16_t: 2, uint32_t: 4, uint64_t: 8 }[type]
      at = Math.ceil(at / size) * size
      values[name] = size === 8 ? 4294967296 * (index + 1) + 7 : 100 + index
      if (size === 2) view.setUint16(at, values[name], little)
      if (size === 4) view.setUint32(at, values[name], little)
      if (size === 8) view.setBigUint64(at, BigInt(values[name]), little)
      at += size
    }
    assert.strictEqual(at, 64)
    return 1
  }
  const records = new Records()
  assert.strictEqual(records.take({ take }), 1)
  records.move(0)
  for (const name of ['kind', 'flags', 'tag', 'id', 'session', 'code', 'cause', 'number', 'fields', 'params']) {
    assert.strictEqual(records[name], values[name], name)
  }
  assert.strictEqual(records.dataLength, values.data_len)
})

test('each limit of the header can be set by its name', () => {
  const limits = enumeration('GOAWAY_LIMIT_').map(camel)
  assert.deepStrictEqual(interfaceOf('Limits'), limits)
  assert.deepStrictEqual(Object.keys(native.limits).map(camel), limits)
  assert.deepStrictEqual(Object.values(native.limits), Array.from(limits.keys()))
})

test('each feature of the header can be set by its name', () => {
  const features = enumeration('GOAWAY_FEATURE_').map(camel)
  assert.deepStrictEqual(interfaceOf('Features'), features)
  assert.deepStrictEqual(Object.keys(native.features).map(camel), features)
  assert.deepStrictEqual(Object.values(native.features), Array.from(features.keys()))
})

test('causes, outcomes and stages are declared as they come', () => {
  assert.deepStrictEqual(union('Cause'), native.causes)
  assert.deepStrictEqual(union('Outcome'), native.outcomes)
  const lower = (start) => enumeration(start).map((name) => name.toLowerCase())
  assert.deepStrictEqual(native.causes, lower('GOAWAY_CAUSE_'))
  assert.deepStrictEqual(union('Stage'), lower('GOAWAY_STAGE_'))
  // The word says what the number means: in the handshake.
  assert.deepStrictEqual(native.outcomes, lower('GOAWAY_OUTCOME_').map((name) => name === 'handshake' ? 'in_handshake' : name))
})

test('each event of a session but its first is declared', () => {
  const events = enumeration('GOAWAY_EVENT_').map(camel).filter((name) => name !== 'opened')
  assert.deepStrictEqual(interfaceOf('SessionEvents').sort(), events.sort())
})

test('reports, progress and figures have the members of their structures', () => {
  assert.deepStrictEqual(interfaceOf('Report'), structure('goaway_report'))
  assert.deepStrictEqual(interfaceOf('Progress'), structure('goaway_progress'))
  const own = { session: 'id', stage: 'state' }
  const figures = structure('goaway_session_snapshot').map((name) => own[name] ?? name)
  assert.deepStrictEqual(interfaceOf('SessionInfo').sort(), figures.sort())
})

test('what is exported is declared, by name and as the default', async () => {
  const names = Object.keys(goaway).sort()
  const module = await import('../index.mjs')
  assert.deepStrictEqual(Object.keys(module).sort(), [...names, 'default'].sort())
  assert.strictEqual(module.default, goaway)
  const values = Array.from(declared.matchAll(/^export (?:class|const|function) (\w+)/gm), ([, name]) => name)
  assert.deepStrictEqual(values.sort(), names)
  const standard = /declare const goaway: \{\n([^]*?)\n\}/.exec(declared)[1]
  assert.deepStrictEqual(Array.from(standard.matchAll(/^ {2}(\w+):/gm), ([, name]) => name).sort(), names)
})

test('each option of an address is declared, and in docs/sockets.md', () => {
  const declaredOptions = ['SocketOptions', 'OwnSocketOptions', 'TcpOptions', 'UnixOptions'].flatMap(interfaceOf)
  const document = readFileSync(join(root, '..', '..', 'docs', 'sockets.md'), 'utf8')
  const objects = /In Node\.js an object has them in its own spelling: (.*?)\. /.exec(document)[1]
  const shown = new Set(objects.match(/\w+/g))
  assert.deepStrictEqual([...declaredOptions, 'fd'].sort(), [...shown, 'tls'].sort())
  for (const name of declaredOptions.filter((name) => name !== 'tls')) {
    // Each is known: what is wrong with it is its value, or that it is alone.
    assert.throws(() => new goaway.Listener({ [name]: Symbol(name) }), (error) => !/unknown|no option/i.test(error.message), name)
  }
  assert.throws(() => new goaway.Listener({ port: 0, reuseport: true }), { code: 'GOAWAY_ERR_INVALID' })
})
