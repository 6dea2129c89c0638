'use strict'

// Where a server listens: every form of listen, its errors and its checks are
// Node's own. Sockets with a port node:net makes, and the library serves on a
// duplicate; those with a path the library makes itself, since node:net would
// take the file away with its own socket.

const cluster = require('node:cluster')
const fs = require('node:fs')
const net = require('node:net')
const { resolve } = require('node:path')
const { addressText } = require('../address.js')

/**
 * Calls `take(place, address, source)` when there is a place to listen, at once if
 * no name must be resolved, or `fail(error)` later. `place` is what the library
 * calls it, and valid during the call; null if the library cannot accept there, as
 * where the cluster module's primary does, round-robin: then `source` is a
 * net.Server that emits the connections, to be closed by who takes it. Throws what
 * net.Server.listen throws.
 */
function bind (args, take, fail) {
  const { path, options } = pathOf(args)
  const isShared = cluster.isWorker && !options.exclusive
  return path === undefined || isShared ? bindSocket(args, take, fail) : bindPath(args, path, options, take, fail)
}

function bindSocket (args, take, fail) {
  const binder = net.createServer({ allowHalfOpen: true })
  const taken = () => {
    // A path is the primary's: its file goes when the workers have closed their handles.
    const isOurs = binder._handle.fd >= 0 && !(cluster.isWorker && typeof binder.address() === 'string')
    try {
      if (isOurs) hand(binder, cluster.isWorker || args[0]?.fd !== undefined, take)
      else take(null, binder.address(), binder)
    } catch (error) {
      process.nextTick(fail, error)
      binder.close()
    }
    // Before the loop looks at the socket, so that no connection is taken from it.
    if (isOurs) binder.close()
  }
  binder.once('error', fail)
  binder.listen(...args)
  if (binder._handle) taken()
  else binder.once('listening', taken)
  return () => binder.close()
}

// A shared socket is somebody else's too, and so is what waits in it at a close.
function hand (binder, isShared, take) {
  const { fd } = binder._handle
  take(isShared ? `fd:${fd}` : `fd:${fd}?given=1`, binder.address())
}

// ---- paths ----

/** A number, as listen reads it: a port, or how many may wait. */
const isNumber = (value) => Number(value) >= 0

/** The path among listen's arguments, if there is one, and their options. */
function pathOf ([first, ...others]) {
  const isObject = typeof first === 'object' && first !== null
  const options = isObject ? first : { path: first }
  const { path, fd, handle, _handle } = options
  const isPath = typeof path === 'string' && path !== '' && !isNumber(path)
  const isElse = (isObject && 'port' in options) || fd !== undefined || handle !== undefined || _handle !== undefined
  if (!isPath || isElse) return { path: undefined, options }
  const backlog = options.backlog ?? others.find((value) => typeof value !== 'boolean' && isNumber(value))
  return { path, options: { ...options, backlog } }
}

function bindPath (args, path, options, take, fail) {
  const backlog = options.backlog > 0 ? { backlog: Math.min(Number(options.backlog), BACKLOG_MAX) } : {}
  // A name without a file begins with NUL, in node:net as in the kernel.
  const place = path[0] === '\0' ? `@${path.slice(1)}` : resolve(path)
  try {
    take(addressText({ path: place, ...backlog }), path)
  } catch (error) {
    return tell(args, error, fail)
  }
  if (path[0] !== '\0' && (options.readableAll || options.writableAll)) open(place, options)
  return () => {}
}

/** More are refused by the library. */
const BACKLOG_MAX = 65535

// As node:net does it: when somebody might connect already.
function open (file, { readableAll, writableAll }) {
  const { mode } = fs.statSync(file)
  fs.chmodSync(file, (mode & 0o777) | (readableAll ? 0o444 : 0) | (writableAll ? 0o222 : 0))
}

/** Fails as node:net would, which says in its own words what is wrong; with `error` if nothing is. */
function tell (args, error, fail) {
  const binder = net.createServer()
  binder.once('error', fail)
  binder.once('listening', () => binder.close(() => fail(error)))
  binder.listen(...args)
  return () => {
    binder.removeAllListeners()
    binder.on('error', () => {})
    binder.close()
  }
}

module.exports = { bind }
