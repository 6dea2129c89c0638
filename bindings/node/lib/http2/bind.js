'use strict'

// Opens the listening sockets of a server. All forms of listen, its errors and its checks
// are those of Node.js. node:net opens sockets with a port, and the library serves on a
// duplicate. The library opens those with a path, because node:net would remove the file
// together with its own socket.

const cluster = require('node:cluster')
const fs = require('node:fs')
const net = require('node:net')
const { resolve } = require('node:path')
const { addressText } = require('../address.js')

/**
 * Calls `take(place, address, source)` when the address is known, at once if no name must be
 * resolved, or `fail(error)` later. `place` is the address for the library, valid during the call.
 * It is null if the library cannot accept there, for example where the primary of the cluster
 * module distributes connections: then `source` is a net.Server that emits the connections, which
 * the receiver closes. Throws what net.Server.listen throws.
 */
function bind (args, take, fail) {
  const { path, options } = pathOf(args)
  const isShared = cluster.isWorker && !options.exclusive
  return path === undefined || isShared ? bindSocket(args, take, fail) : bindPath(args, path, options, take, fail)
}

function bindSocket (args, take, fail) {
  const binder = net.createServer({ allowHalfOpen: true })
  const taken = () => {
    // The path belongs to the primary, which removes the file when the workers have
    // closed their handles.
    const isOurs = binder._handle.fd >= 0 && !(cluster.isWorker && typeof binder.address() === 'string')
    try {
      if (isOurs) hand(binder, cluster.isWorker || args[0]?.fd !== undefined, take)
      else take(null, binder.address(), binder)
    } catch (error) {
      process.nextTick(fail, error)
      binder.close()
    }
    // Before the event loop polls the socket, so that it accepts no connection.
    if (isOurs) binder.close()
  }
  binder.once('error', fail)
  binder.listen(...args)
  if (binder._handle) taken()
  else binder.once('listening', taken)
  return () => binder.close()
}

// Another process uses a shared socket, too, and gets the connections that wait in it at
// a close.
function hand (binder, isShared, take) {
  const { fd } = binder._handle
  take(isShared ? `fd:${fd}` : `fd:${fd}?given=1`, binder.address())
}

// ---- paths ----

/** A number as listen reads it: a port, or the backlog. */
const isNumber = (value) => Number(value) >= 0

/** The path among the arguments of listen, if there is one, and the options. */
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
  // An abstract name begins with NUL, in node:net as in the kernel.
  const place = path[0] === '\0' ? `@${path.slice(1)}` : resolve(path)
  try {
    take(addressText({ path: place, ...backlog }), path)
  } catch (error) {
    return tell(args, error, fail)
  }
  if (path[0] !== '\0' && (options.readableAll || options.writableAll)) open(place, options)
  return () => {}
}

/** The library refuses longer lists. */
const BACKLOG_MAX = 65535

// As in node:net: at the time at which clients could connect.
function open (file, { readableAll, writableAll }) {
  const { mode } = fs.statSync(file)
  fs.chmodSync(file, (mode & 0o777) | (readableAll ? 0o444 : 0) | (writableAll ? 0o222 : 0))
}

/** Fails with the error of node:net for the same address, or with `error` if node:net has none. */
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
