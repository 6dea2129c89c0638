'use strict'

// The tarball with the binaries of `make node-prebuild`, installed into an empty
// folder by npm alone, with no compiler anywhere on the PATH. `make test-packages`
// runs this.

const { test } = require('node:test')
const assert = require('node:assert')
const { execFileSync, spawn } = require('node:child_process')
const { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } = require('node:fs')
const { join, delimiter } = require('node:path')
const { LIMIT_MS, connect, folder, send, stopped } = require('../helpers.js')

const root = join(__dirname, '..', '..')

function which (name) {
  return process.env.PATH.split(delimiter).map((path) => join(path, name)).find(existsSync)
}

const PROGRAM = `
import { Server } from 'goaway'
import { createRequire } from 'node:module'
if (createRequire(import.meta.url)('goaway').Server !== Server) throw new Error('two of them')
const server = new Server()
server.register('GET /', (request) => request.respond(200, 'installed'))
await server.start({ bind: 0 })
process.once('SIGTERM', () => server.close())
console.log(server.port)
`

test('the tarball is installed and serves where there is no compiler', async (t) => {
  const path = folder(t)
  const bin = join(path, 'bin')
  const app = join(path, 'app')
  mkdirSync(bin)
  mkdirSync(app)
  for (const name of ['sh', 'env']) symlinkSync(which(name), join(bin, name))
  symlinkSync(process.execPath, join(bin, 'node'))
  symlinkSync(which('npm'), join(bin, 'npm'))
  const env = { PATH: bin, HOME: path }
  for (const name of ['cc', 'gcc', 'make', 'python3', 'cargo']) assert.ok(!existsSync(join(bin, name)))
  const run = (args, cwd) => execFileSync(which('npm'), args, { cwd, env, encoding: 'utf8', timeout: LIMIT_MS, stdio: ['ignore', 'pipe', 'pipe'] })

  const [{ filename, files }] = JSON.parse(run(['pack', '--json', '--pack-destination', path], root))
  const shipped = files.map((file) => file.path)
  assert.ok(shipped.some((file) => file.endsWith('goaway.node')) && shipped.some((file) => file.includes('libgoaway.')))
  assert.ok(!shipped.some((file) => /^(tests|build|node_modules|shim)\//.test(file)), shipped.join())
  for (const name of ['LICENSE-MIT', 'LICENSE-APACHE', 'THIRD-PARTY-NOTICES']) {
    assert.ok(shipped.includes(name), name)
    assert.strictEqual(readFileSync(join(root, name), 'utf8'), readFileSync(join(root, '..', '..', name), 'utf8'), name)
  }
  writeFileSync(join(app, 'package.json'), '{ "private": true }')
  run(['install', '--offline', '--no-audit', '--no-fund', join(path, filename)], app)
  writeFileSync(join(app, 'app.mjs'), PROGRAM)
  const ended = await stopped(spawn(process.execPath, ['app.mjs'], { cwd: app, env }), async (port) => {
    const client = connect(port)
    assert.strictEqual((await send(client, '/')).body, 'installed')
    client.close()
  })
  assert.deepStrictEqual(ended, { code: 0, stderr: '' })
})

/** The newest version of glibc that a binary asks for. */
function glibc (file) {
  const versions = readFileSync(file, 'latin1').matchAll(/GLIBC_2\.(\d+)/g)
  return Math.max(...Array.from(versions, ([, minor]) => Number(minor)))
}

test('the error for other platforms says which glibc the binaries need', () => {
  const prebuilds = join(root, 'prebuilds', 'linux-x64')
  const minor = Math.max(...readdirSync(prebuilds).map((name) => glibc(join(prebuilds, name))))
  const supported = Number(/glibc 2\.(\d+) or later/.exec(readFileSync(join(root, 'lib', 'native.js'), 'utf8'))[1])
  // What is built on a newer system than this may need a newer glibc.
  const own = Number(process.report.getReport().header.glibcVersionRuntime.split('.')[1])
  assert.ok(minor === supported || (own > 36 && minor > supported), `the binaries need glibc 2.${minor}, the error says 2.${supported}`)
})
