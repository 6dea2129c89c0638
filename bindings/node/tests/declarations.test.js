'use strict'

// index.d.ts is what index.js has, and both are what goaway.h says: limits,
// causes, outcomes, stages, events, the members of reports and of sessions.

const { test } = require('node:test')
const assert = require('node:assert')
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const goaway = require('../index.js')
const native = require('../lib/native.js')

const root = join(__dirname, '..')
const declared = readFileSync(join(root, 'index.d.ts'), 'utf8')
const header = readFileSync(join(root, '..', '..', 'include', 'goaway.h'), 'utf8').replace(/\/\/[^\n]*/g, '')

const camel = (name) => name.toLowerCase().replace(/_(\w)/g, (_, letter) => letter.toUpperCase())

/** The names of an enum of the header, by number, without their common start. */
function enumeration (start) {
  const names = []
  for (const [, name, number] of header.matchAll(new RegExp(`\\b${start}(\\w+) = (\\d+)`, 'g'))) names[number] = name
  assert.ok(names.length > 2, start)
  return names
}

/** The members of a structure of the header. */
function structure (name) {
  const body = new RegExp(`typedef struct \\{([^}]*)\\} ${name};`).exec(header)[1]
  return Array.from(body.matchAll(/(\w+)(?:\[\d+\])?;/g), ([, member]) => camel(member))
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
