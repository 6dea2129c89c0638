'use strict'

// What a user gets: the declarations, the examples, an error that helps where
// there is no native part. The tarball itself: packages/tarball.test.js.

const { test } = require('node:test')
const assert = require('node:assert')
const { execFileSync, spawn } = require('node:child_process')
const { cpSync, existsSync, readFileSync, rmSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { LIMIT_MS, connect, folder, send, stopped } = require('./helpers.js')

const root = join(__dirname, '..')

test('the package says what it is for and where the project is', () => {
  const { os, cpu, libc, homepage, repository, bugs } = require('../package.json')
  assert.deepStrictEqual([os, cpu, libc], [['linux'], ['x64'], ['glibc']])
  const project = /^repository = "(.*)"$/m.exec(readFileSync(join(root, '..', '..', 'Cargo.toml'), 'utf8'))[1]
  assert.ok(homepage.startsWith(project) && bugs.startsWith(project) && repository.url.includes(project))
})

test('without a native part the error names every place that was tried', (t) => {
  const path = folder(t)
  cpSync(join(root, 'lib'), join(path, 'lib'), { recursive: true })
  cpSync(join(root, 'index.js'), join(path, 'index.js'))
  const message = (env) => execFileSync(process.execPath, ['-e', 'try { require("./index.js") } catch (error) { console.log(error.code, error.message) }'], {
    cwd: path, env: { ...process.env, ...env }, encoding: 'utf8'
  })
  const text = message({ GOAWAY_NODE_ADDON: '' })
  assert.match(text, /^GOAWAY_ERR_NOT_FOUND/)
  assert.ok(text.includes(join(path, 'prebuilds')) && text.includes(join(path, 'build', 'goaway.node')), text)
  assert.match(text, /^GOAWAY_ERR_NOT_FOUND goaway: no native part for linux-\w+ and glibc 2\.\d+ with Node\.js v/)
  assert.ok(text.includes('for Linux on x64 with glibc 2.28 or later') && text.includes('run `make node`'), text)
  const chosen = message({ GOAWAY_NODE_ADDON: '/nowhere/goaway.node' })
  assert.ok(chosen.includes('/nowhere/goaway.node') && !chosen.includes('prebuilds'), chosen)
})

test('the declarations suit a program in TypeScript', () => {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  assert.ok(existsSync(tsc), 'run `npm ci` in bindings/node')
  execFileSync(process.execPath, [tsc, '-p', root], { stdio: 'inherit', timeout: LIMIT_MS })
})

test('the README shows the examples as they are', () => {
  const text = readFileSync(join(root, 'README.md'), 'utf8')
  assert.ok(text.includes(readFileSync(join(root, 'examples', 'hello.mjs'), 'utf8').trim()), 'hello.mjs')
  assert.ok(text.includes(readFileSync(join(root, 'examples', 'cluster.mjs'), 'utf8').trim()), 'cluster.mjs')
  const project = readFileSync(join(root, '..', '..', 'README.md'), 'utf8')
  assert.ok(project.includes(readFileSync(join(root, 'examples', 'hello.mjs'), 'utf8').trim()), 'hello.mjs in the project\'s README')
})

test('hello.mjs serves and leaves', async (t) => {
  const source = readFileSync(join(root, 'examples', 'hello.mjs'), 'utf8')
  assert.ok(source.trim().split('\n').length < 15)
  const own = source.replace('127.0.0.1:8080', '127.0.0.1:0')
  const file = join(root, 'examples', `.hello-${process.pid}.mjs`) // beside it, where 'goaway' is found
  writeFileSync(file, own)
  t.after(() => rmSync(file))
  const ended = await stopped(spawn(process.execPath, [file]), async (port, said) => {
    assert.strictEqual(said, `listening on 127.0.0.1:${port}\n`)
    const client = connect(port)
    const { body, headers } = await send(client, '/')
    assert.deepStrictEqual([body, headers['content-type']], ['hello\n', 'text/plain'])
    client.close()
  })
  assert.deepStrictEqual(ended, { code: 0, stderr: '' })
})
