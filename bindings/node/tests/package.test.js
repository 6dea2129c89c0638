'use strict'

// What a user gets: the tarball, installed into an empty folder by npm alone,
// with no compiler anywhere on the PATH; the declarations; the examples.

const { test } = require('node:test')
const assert = require('node:assert')
const { execFileSync, spawn } = require('node:child_process')
const { cpSync, existsSync, mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join, delimiter } = require('node:path')
const { once } = require('node:events')
const { connect, send } = require('./helpers.js')

const root = join(__dirname, '..')
const LIMIT_MS = 60_000

function folder (t) {
  const path = mkdtempSync(join(tmpdir(), 'goaway-node-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

function which (name) {
  return process.env.PATH.split(delimiter).map((path) => join(path, name)).find(existsSync)
}

/** A program that runs and is stopped with SIGTERM: what it said and its code. */
async function stopped (child, whileItRuns) {
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text) => { stderr += text })
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])
  try {
    await whileItRuns(Number(/\d+$/.exec(stdout.trim())?.[0]), stdout)
  } catch (error) {
    error.message += `\n${stderr}`
    throw error
  } finally {
    child.kill('SIGTERM')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    clearTimeout(timer)
  }
  return { code: child.exitCode, stderr }
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
  if (!existsSync(join(root, 'prebuilds', `${process.platform}-${process.arch}`))) return t.skip('no prebuilds: run `make node-prebuild`')
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

test('the package says what its binaries are for', (t) => {
  const { os, cpu, libc, homepage, repository, bugs } = require('../package.json')
  assert.deepStrictEqual([os, cpu, libc], [['linux'], ['x64'], ['glibc']])
  const project = /^repository = "(.*)"$/m.exec(readFileSync(join(root, '..', '..', 'Cargo.toml'), 'utf8'))[1]
  assert.ok(homepage.startsWith(project) && bugs.startsWith(project) && repository.url.includes(project))
  const prebuilds = join(root, 'prebuilds', 'linux-x64')
  if (!existsSync(prebuilds)) return t.skip('no prebuilds: run `make node-prebuild`')
  const minor = Math.max(...readdirSync(prebuilds).map((name) => glibc(join(prebuilds, name))))
  const supported = Number(/glibc 2\.(\d+) or later/.exec(readFileSync(join(root, 'lib', 'native.js'), 'utf8'))[1])
  // What is built on a newer system than this may need a newer glibc.
  const own = Number(process.report.getReport().header.glibcVersionRuntime.split('.')[1])
  assert.ok(minor === supported || (own > 36 && minor > supported), `the binaries need glibc 2.${minor}, the error says 2.${supported}`)
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
