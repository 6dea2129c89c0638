'use strict'

// Sockets to listen on, made by node:net: every form of listen, its errors and
// its checks are Node's own. The library serves on a duplicate.

const cluster = require('node:cluster')
const net = require('node:net')
const { GoawayError } = require('../errors.js')

/**
 * Calls `take(place, address)` when there is a socket, at once if no name must be
 * resolved, or `fail(error)` later. `place` is what the library calls the socket,
 * and valid during the call.
 * Throws what net.Server.listen throws.
 */
function bind (args, take, fail) {
  const binder = net.createServer()
  const taken = () => {
    try {
      hand(binder, cluster.isWorker || args[0]?.fd !== undefined, take)
    } catch (error) {
      process.nextTick(fail, error)
    } finally {
      // Before the loop looks at the socket, so that no connection is taken from it.
      binder.close()
    }
  }
  binder.once('error', fail)
  binder.listen(...args)
  if (binder._handle) taken()
  else binder.once('listening', taken)
  return () => binder.close()
}

// A shared socket is somebody else's too, and so is what waits in it at a close.
function hand (binder, isShared, take) {
  const address = binder.address()
  const { fd } = binder._handle
  if (typeof address === 'string') {
    throw new GoawayError('GOAWAY_ERR_ADDRESS', `cannot serve on the path ${address}: sockets of paths are not there yet`)
  }
  if (!(fd >= 0)) {
    throw new GoawayError('GOAWAY_ERR_ADDRESS', 'cannot serve on a socket that the cluster module\'s primary process accepts for: ' +
      'listen with { exclusive: true }, or set cluster.schedulingPolicy to cluster.SCHED_NONE')
  }
  take(isShared ? `fd:${fd}` : `fd:${fd}?given=1`, address)
}

module.exports = { bind }
