'use strict'

// Converts the options of node:http2 for the library, as in the table of
// docs/node-http2.md.

const { constants } = require('node:http2')
const native = require('../native.js')
const { GoawayError } = require('../errors.js')
const { LIMITS, featureOf } = require('../options.js')
const settings = require('./settings.js')

const { limits: L, features: F } = native
const MIB = 1 << 20
const PADDINGS = new Set([constants.PADDING_STRATEGY_NONE, constants.PADDING_STRATEGY_ALIGNED, constants.PADDING_STRATEGY_MAX])

/** The settings that are announced by default. */
const DEFAULTS = {
  headerTableSize: 4096,
  enablePush: true,
  initialWindowSize: 262144,
  maxFrameSize: 16384,
  maxConcurrentStreams: 100,
  maxHeaderListSize: 65535,
  enableConnectProtocol: false
}
const SESSION_WINDOW = MIB
/**
 * The largest value that the library accepts, in MiB. Programs use the largest number for "no
 * limit".
 */
const SESSION_MEMORY_MAX = 1024
const HIGH_WATER = 65536
const HEADER_BYTES = 65536
/** The first SETTINGS frame, and as many as may wait after it. */
const OUTSTANDING_SETTINGS_MAX = 17

/** The ranges of settings in the library, where they are narrower than in HTTP/2. */
function checkRanges (wanted) {
  for (const name in settings.MOST) {
    if (wanted[name] < 1 || wanted[name] > settings.MOST[name]) {
      throw new GoawayError('GOAWAY_ERR_INVALID', `goaway/http2 takes 1 to ${settings.MOST[name]} for the setting ${name}, not ${wanted[name]}`)
    }
  }
}

/**
 * Converts the options of createServer: { limits: [[number, value], ...], features: [[number,
 * enabled], ...], ... }.
 */
function planOf (options, server) {
  const wanted = { ...DEFAULTS, ...settings.resolve(options.settings) }
  settings.check(wanted)
  checkRanges(wanted)
  const limits = new Map()
  for (const name in settings.LIMITS) {
    const number = settings.LIMITS[name]
    if (number !== undefined && wanted[name] !== undefined) limits.set(number, wanted[name])
  }
  // node:http2 also counts the four pseudo-header fields.
  limits.set(L.HEADER_FIELDS, Math.max(1, (options.maxHeaderListPairs ?? 128) - 4))
  limits.set(L.STREAM_IDLE_MS, 0)
  if (options.maxSessionMemory !== undefined) limits.set(L.SESSION_SEND_BYTES, Math.min(Math.max(1, options.maxSessionMemory), SESSION_MEMORY_MAX) * MIB)
  const handshakeMs = options.unknownProtocolTimeout ?? (server.isSecure ? options.handshakeTimeout : undefined)
  if (handshakeMs !== undefined) limits.set(L.HANDSHAKE_MS, handshakeMs)
  if (options.streamResetBurst !== undefined && options.streamResetRate !== undefined) {
    limits.set(L.CONTROL_BURST, options.streamResetBurst)
    limits.set(L.CONTROL_PER_SECOND, options.streamResetRate)
  }
  if (server.maxConnections > 0) limits.set(L.SESSIONS, server.maxConnections)
  for (const name in options.limits) {
    if (LIMITS[name] === undefined) throw new GoawayError('GOAWAY_ERR_INVALID', `there is no limit "${name}"`)
    if (name === 'bodyBytes' || name === 'sessionBodyBytes') throw new GoawayError('GOAWAY_ERR_INVALID', `the limit ${name} is about bodies that the library gathers, and node:http2 has streams: count what you read`)
    limits.set(LIMITS[name], options.limits[name])
  }
  const features = new Map([
    [F.CONNECT_PROTOCOL, wanted.enableConnectProtocol === true],
    [F.HTTP1, server.isSecure && options.allowHTTP1 === true],
    [F.UPGRADE, true]
  ])
  for (const name in options.features) features.set(featureOf(name, options.features[name]), options.features[name])
  return {
    limits,
    // The library has the same numbers. Node.js does not pad for other values.
    padding: PADDINGS.has(options.paddingStrategy) ? options.paddingStrategy : constants.PADDING_STRATEGY_NONE,
    features,
    health: options.health,
    localSettings: settings.changed(settings.initial(), wanted),
    customSettings: settings.packedCustom(wanted),
    remoteCustomSettings: new Set(options.remoteCustomSettings),
    sessionWindow: limits.get(L.SESSION_WINDOW_BYTES) ?? SESSION_WINDOW,
    highWaterBytes: limits.get(L.HIGH_WATER_BYTES) ?? HIGH_WATER,
    maxHeaderBytes: options.maxSendHeaderBlockLength ?? HEADER_BYTES,
    maxOutstandingSettings: Math.min(Math.max(1, options.maxOutstandingSettings ?? 10), OUTSTANDING_SETTINGS_MAX),
    maxSettings: Math.max(1, options.maxSettings ?? 32),
    maxInvalidFrames: options.maxSessionInvalidFrames ?? Infinity,
    maxOutstandingPings: Math.min(options.maxOutstandingPings ?? 10, 16)
  }
}

module.exports = { planOf }
