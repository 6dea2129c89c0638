'use strict'

// The modules of the package stand in layers: each requires only those that
// lib/README.md names below it.

const test = require('node:test')
const assert = require('node:assert')
const { readFileSync, readdirSync } = require('node:fs')
const { join, dirname, normalize } = require('node:path')

const ROOT = join(__dirname, '..')

/** The modules in the order of the map. */
function layers () {
  const map = readFileSync(join(ROOT, 'lib/README.md'), 'utf8')
  const lines = map.split('\n').filter((line) => line.startsWith('- `'))
  // What stands behind the colon describes, and may name others.
  return lines.flatMap((line) => [...line.slice(0, line.indexOf(':')).matchAll(/`([^`]+)`/g)].map(([, name]) => `${name}.js`))
}

/** The sources that are shipped. */
function sources () {
  const entries = readdirSync(ROOT).filter((name) => name.endsWith('.js') && name !== 'prepack.js')
  const folders = ['lib', 'lib/http2']
  return [...entries, ...folders.flatMap((folder) => readdirSync(join(ROOT, folder)).filter((name) => name.endsWith('.js')).map((name) => `${folder}/${name}`))]
}

/** What a source requires of the package. */
function required (file) {
  const code = readFileSync(join(ROOT, file), 'utf8').replace(/^ *(\/\/|\*|\/\*).*$/gm, '')
  return [...code.matchAll(/require\('(\.[^']+)'\)/g)].map(([, path]) => normalize(join(dirname(file), path)))
}

test('each module requires only those below it', () => {
  const places = layers()
  const wrong = []
  let checked = 0
  assert.strictEqual(new Set(places).size, places.length, 'each is in the map once')
  for (const file of places) if (!sources().includes(file)) wrong.push(`${file} is in the map, and is not there`)
  for (const file of sources()) {
    const own = places.indexOf(file)
    if (own < 0) wrong.push(`${file} is not in the map`)
    for (const name of required(file)) {
      if (places.indexOf(name) > own) checked++
      else wrong.push(`${file} requires ${name}, which is not below it`)
    }
  }
  assert.deepStrictEqual(wrong, [])
  assert.ok(checked > 100, `${checked} are checked`)
})
