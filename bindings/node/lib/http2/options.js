'use strict'

// What node:http2's options mean to the library. docs/node-http2.md has the
// table that this is.

const native = require('../native.js')
const { GoawayError } = require('../errors.js')
const settings = require('./settings.js')

const L = native.limits
const MIB = 1 << 20

/** The library's limits by their names here: IDLE_MS is `idleMs`. */
const LIMITS = { __proto__: null }
for (const name of Object.keys(L)) {
  LIMITS[name.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase())] = L[name]
}

/** What is announced unless the options say otherwise. */
const DEFAULTS = {
  headerTableSize: 4096,
  enablePush: true,
  initialWindowSize: 262144,
  maxFrameSize: 16384,
  maxConcurrentStreams: 100,
  maxHeaderListSize: 65535
}
const SESSION_WINDOW = MIB
const HIGH_WATER = 65536

/** { limits: [[number, value], ...], ... } of createServer's options. */
function planOf (options, server) {
  const wanted = { ...DEFAULTS, ...defined(options.settings) }
  if (options.settings?.maxHeaderSize !== undefined) wanted.maxHeaderListSize = options.settings.maxHeaderSize
  const limits = new Map()
  for (const name in settings.LIMITS) {
    const number = settings.LIMITS[name]
    if (number !== undefined && wanted[name] !== undefined) limits.set(number, wanted[name])
  }
  // node:http2 counts the four pseudo-header fields too.
  limits.set(L.HEADER_FIELDS, Math.max(1, (options.maxHeaderListPairs ?? 128) - 4))
  limits.set(L.STREAM_IDLE_MS, 0)
  if (options.maxSessionMemory !== undefined) limits.set(L.SESSION_SEND_BYTES, Math.max(1, options.maxSessionMemory) * MIB)
  if (options.unknownProtocolTimeout !== undefined) limits.set(L.HANDSHAKE_MS, options.unknownProtocolTimeout)
  if (options.streamResetBurst !== undefined && options.streamResetRate !== undefined) {
    limits.set(L.CONTROL_BURST, options.streamResetBurst)
    limits.set(L.CONTROL_PER_SECOND, options.streamResetRate)
  }
  if (server.maxConnections > 0) limits.set(L.SESSIONS, server.maxConnections)
  for (const name in options.limits) {
    if (LIMITS[name] === undefined) throw new GoawayError('GOAWAY_ERR_INVALID', `there is no limit "${name}"`)
    limits.set(LIMITS[name], options.limits[name])
  }
  const local = { ...settings.initial(), ...wanted }
  local.maxHeaderSize = local.maxHeaderListSize
  return {
    limits,
    localSettings: local,
    sessionWindow: limits.get(L.SESSION_WINDOW_BYTES) ?? SESSION_WINDOW,
    highWaterBytes: limits.get(L.HIGH_WATER_BYTES) ?? HIGH_WATER,
    maxSettings: Math.max(1, options.maxSettings ?? 32),
    maxOutstandingPings: Math.min(options.maxOutstandingPings ?? 10, 16)
  }
}

function defined (given) {
  const result = {}
  for (const name in given) if (given[name] !== undefined) result[name] = given[name]
  return result
}

module.exports = { planOf }
