'use strict'

// SETTINGS (RFC 9113, section 6.5) by their names in node:http2, and the part that the
// library accepts.

const { getPackedSettings } = require('node:http2')
const native = require('../native.js')
const { GoawayError } = require('../errors.js')
const { wrongSetting } = require('./errors.js')

const L = native.limits
const UNLIMITED = 4294967295
const ID_MAX = 65535

/** The identifiers in the order in which node:http2 sends them. */
const IDS = {
  __proto__: null,
  headerTableSize: 1,
  maxConcurrentStreams: 3,
  maxFrameSize: 5,
  initialWindowSize: 4,
  maxHeaderListSize: 6,
  enablePush: 2,
  enableConnectProtocol: 8
}
const NAMES = { __proto__: null }
for (const name in IDS) NAMES[IDS[name]] = name
/** A setting of the library that has no name in node:http2 (RFC 9218, section 2.1). */
NAMES[9] = 'SETTINGS_NO_RFC7540_PRIORITIES'
const FLAGS = new Set(['enablePush', 'enableConnectProtocol'])

/** The greatest values in the library, where HTTP/2 allows more. */
const MOST = { __proto__: null, maxHeaderListSize: 1 << 20, maxConcurrentStreams: 100000 }

/** The settings of a peer that has sent no SETTINGS. */
function initial () {
  return {
    __proto__: null,
    headerTableSize: 4096,
    enablePush: true,
    initialWindowSize: 65535,
    maxFrameSize: 16384,
    maxConcurrentStreams: UNLIMITED,
    maxHeaderListSize: UNLIMITED,
    maxHeaderSize: UNLIMITED,
    enableConnectProtocol: false
  }
}

/**
 * Adds the settings in the payload of a SETTINGS frame (one character for each byte) to `settings`.
 * Settings without a name are added if their identifiers are in the set `custom`.
 */
function update (settings, payload, custom) {
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    const id = payload.charCodeAt(at) * 256 + payload.charCodeAt(at + 1)
    let value = 0
    for (let byte = 2; byte < 6; byte++) value = value * 256 + payload.charCodeAt(at + byte)
    const name = NAMES[id]
    if (custom.has(id)) settings.customSettings = { ...settings.customSettings, [id]: value }
    if (IDS[name] === undefined) continue
    settings[name] = FLAGS.has(name) ? value !== 0 : value
    if (name === 'maxHeaderListSize') settings.maxHeaderSize = value
  }
}

/** Throws the error of node:http2 if a value is invalid for its setting. */
function check (settings) {
  getPackedSettings(settings)
  // Node.js 18 has no custom settings. Later versions also accept those with a name.
  for (const id in settings.customSettings) {
    const value = settings.customSettings[id]
    if (!(Number(id) >= 0 && Number(id) <= ID_MAX && Number.isInteger(Number(id)))) throw wrongSetting('customSettings:id', Number(id), 0, ID_MAX)
    if (value >>> 0 !== value) throw wrongSetting('customSettings:value', value, 0, UNLIMITED)
    if (NAMES[id] !== undefined) throw new GoawayError('GOAWAY_ERR_INVALID', `customSettings has ${id}, which is ${NAMES[id]}`)
  }
}

/** The settings of a program without undefined values. Infinity becomes the greatest value. */
function resolve (given) {
  const wanted = {}
  for (const name in given) if (given[name] !== undefined) wanted[name] = given[name]
  if (wanted.maxHeaderSize !== undefined) wanted.maxHeaderListSize = wanted.maxHeaderSize
  for (const name in MOST) if (wanted[name] === UNLIMITED) wanted[name] = MOST[name]
  return wanted
}

/** `settings` with the changes of `wanted`. */
function changed (settings, wanted) {
  const result = { ...settings, ...wanted }
  result.maxHeaderSize = result.maxHeaderListSize
  if (wanted.customSettings !== undefined) result.customSettings = { ...settings.customSettings, ...wanted.customSettings }
  return result
}

/** The identifier and value of each setting, for the library. */
function packed (wanted) {
  const numbers = []
  for (const name in IDS) {
    // A server may only send 0, which has no effect (section 6.5.2).
    if (wanted[name] !== undefined && !(name === 'enablePush' && wanted[name])) numbers.push(IDS[name], Number(wanted[name]))
  }
  return Buffer.from(Uint32Array.from([...numbers, ...customNumbers(wanted)]).buffer)
}

/** The same for settings without a name only. */
function packedCustom (wanted) {
  return Buffer.from(Uint32Array.from(customNumbers(wanted)).buffer)
}

function customNumbers ({ customSettings = {} }) {
  return Object.keys(customSettings).flatMap((id) => [Number(id), customSettings[id]])
}

/** The limits of the library that correspond to settings. */
const LIMITS = {
  __proto__: null,
  initialWindowSize: L.STREAM_WINDOW_BYTES,
  maxConcurrentStreams: L.CONCURRENT_STREAMS,
  maxHeaderListSize: L.HEADER_LIST_BYTES,
  maxHeaderSize: L.HEADER_LIST_BYTES,
  maxFrameSize: L.FRAME_BYTES,
  headerTableSize: L.HEADER_TABLE_BYTES
}

module.exports = { initial, update, check, resolve, changed, packed, packedCustom, LIMITS, MOST }
