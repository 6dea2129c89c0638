'use strict'

// The paths of health checks, to which the library itself responds.

const { inspect } = require('node:util')
const { checkOptions } = require('./options.js')
const { GoawayError, check } = require('./errors.js')

const STALL_MS = 10_000
/** The longest path that the shim accepts. */
const PATH_MAX = 4000

/** Sets `{ ready, live, stallMs }` of the native `server`. Throws if a value is invalid. */
function setHealthPaths (server, paths) {
  const { ready, live, stallMs = STALL_MS } = checkOptions(paths, ['ready', 'live', 'stallMs'], 'the health checks')
  for (const [name, path] of Object.entries({ ready, live })) {
    if (path === undefined || (typeof path === 'string' && !path.includes('\0') && path.length <= PATH_MAX)) continue
    throw new GoawayError('GOAWAY_ERR_INVALID', `the path ${name} of a health check is ${inspect(path)}, not a path such as "/${name}"`)
  }
  if (!Number.isInteger(stallMs) || stallMs < 1 || stallMs > 0xffffffff) throw new GoawayError('GOAWAY_ERR_INVALID', `stallMs is ${inspect(stallMs)}, not a whole number of milliseconds above 0`)
  check(server.setHealthPaths(ready, live, stallMs))
}

module.exports = { setHealthPaths }
