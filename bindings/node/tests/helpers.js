'use strict'

// Children that are always reaped, folders that are removed, and clients of
// node:http2 that never wait for ever.

const { fork } = require('node:child_process')
const { once } = require('node:events')
const { mkdtempSync, rmSync } = require('node:fs')
const http2 = require('node:http2')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

/** Ends what hangs; generous, since a loaded machine is slow. */
const PATIENCE_MS = 60_000
/** For a program that compiles, packs or installs. */
const LIMIT_MS = 60_000
const children = new Set()
process.on('exit', () => { for (const child of children) child.kill('SIGKILL') })

/**
 * Starts programs/NAME with arguments. `port`: what it says first; `exited`:
 * { code, signal, stdout, stderr }; it is killed when patience ends.
 */
function start (name, args = [], { execArgv = [], env = {} } = {}) {
  const child = fork(join(__dirname, 'programs', name), args, { silent: true, execArgv, env: { ...process.env, ...env } })
  children.add(child)
  const out = { stdout: '', stderr: '' }
  for (const which of ['stdout', 'stderr']) child[which].setEncoding('utf8').on('data', (text) => { out[which] += text })
  const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)
  const exited = new Promise((resolve) => {
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      children.delete(child)
      resolve({ code, signal, ...out })
    })
  })
  const port = new Promise((resolve, reject) => {
    child.once('message', ({ port }) => resolve(port))
    exited.then(({ code, signal, stderr }) => reject(new Error(`${name} ${args} ended first: ${code} ${signal}\n${stderr}`)))
  })
  port.catch(() => {})
  return { child, port, exited }
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

/** An empty folder, for as long as the test takes. */
function folder (t) {
  const path = mkdtempSync(join(tmpdir(), 'goaway-node-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A session with that port. */
function connect (port, options) {
  const client = http2.connect(`http://127.0.0.1:${port}`, options)
  client.on('error', () => {})
  return client
}

/**
 * One request. Resolves to { status, headers, informational, trailers, body,
 * code } when the stream has closed, whatever became of it.
 */
function send (client, path, { method = 'GET', headers = {}, body, endStream } = {}) {
  return new Promise((resolve, reject) => {
    const stream = client.request({ ':method': method, ':path': path, ...headers }, { endStream: endStream ?? body === undefined })
    const answer = { status: 0, headers: {}, informational: [], trailers: null, body: '', code: 0, stream }
    const chunks = []
    const timer = setTimeout(() => reject(new Error(`${path}: no answer in time`)), PATIENCE_MS)
    stream.on('headers', (fields) => answer.informational.push(fields))
    stream.on('response', (fields) => Object.assign(answer, { status: fields[':status'], headers: fields }))
    stream.on('trailers', (fields) => { answer.trailers = fields })
    stream.on('data', (chunk) => chunks.push(chunk))
    stream.on('error', (error) => { answer.error = error })
    stream.on('close', () => {
      clearTimeout(timer)
      answer.body = Buffer.concat(chunks).toString()
      answer.code = stream.rstCode
      resolve(answer)
    })
    if (body !== undefined) stream.end(body)
  })
}

/** Sessions that send one GET / after another until theirs ends. */
function load (port, sessions = 4, streams = 8) {
  const result = { served: 0, closed: 0 }
  const clients = Array.from({ length: sessions }, () => connect(port))
  for (const client of clients) {
    client.once('close', () => result.closed++)
    const next = () => {
      if (client.destroyed || client.closed) return
      const stream = client.request({ ':path': '/' })
      stream.on('error', () => {})
      stream.on('response', () => result.served++)
      stream.on('close', next)
      stream.resume()
    }
    client.once('connect', () => { for (let count = 0; count < streams; count++) next() })
  }
  result.stop = () => { for (const client of clients) client.destroy() }
  return result
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until `check()` is true. */
async function until (check, what) {
  const deadline = Date.now() + PATIENCE_MS
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`)
    await sleep(5)
  }
}

module.exports = { LIMIT_MS, start, stopped, folder, connect, send, load, sleep, until }
