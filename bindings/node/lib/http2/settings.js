'use strict'

// SETTINGS (RFC 9113, section 6.5) as node:http2 names them, and what of them
// the library can be told.

const { getPackedSettings, getDefaultSettings } = require('node:http2')
const native = require('../native.js')

const L = native.limits

/** By number: the name, and how its value is told. */
const NAMES = {
  __proto__: null,
  1: 'headerTableSize',
  2: 'enablePush',
  3: 'maxConcurrentStreams',
  4: 'initialWindowSize',
  5: 'maxFrameSize',
  6: 'maxHeaderListSize',
  8: 'enableConnectProtocol'
}
const FLAGS = new Set(['enablePush', 'enableConnectProtocol'])

/** What a peer has that has sent no SETTINGS. */
function initial () {
  return {
    __proto__: null,
    headerTableSize: 4096,
    enablePush: true,
    initialWindowSize: 65535,
    maxFrameSize: 16384,
    maxConcurrentStreams: 4294967295,
    maxHeaderListSize: 4294967295,
    maxHeaderSize: 4294967295,
    enableConnectProtocol: false
  }
}

/** Adds to `settings` what a SETTINGS frame's payload, one byte a character, says. */
function update (settings, payload) {
  for (let at = 0; at + 6 <= payload.length; at += 6) {
    const id = payload.charCodeAt(at) * 256 + payload.charCodeAt(at + 1)
    let value = 0
    for (let byte = 2; byte < 6; byte++) value = value * 256 + payload.charCodeAt(at + byte)
    const name = NAMES[id]
    if (name === undefined) continue
    settings[name] = FLAGS.has(name) ? value !== 0 : value
    if (name === 'maxHeaderListSize') settings.maxHeaderSize = value
  }
}

/** Throws as node:http2 does if a value is none that the setting takes. */
function check (settings) {
  getPackedSettings(settings)
}

/** The limits of the library that stand for settings, by name. */
const LIMITS = {
  __proto__: null,
  initialWindowSize: L.STREAM_WINDOW_BYTES,
  maxConcurrentStreams: L.CONCURRENT_STREAMS,
  maxHeaderListSize: L.HEADER_LIST_BYTES,
  maxHeaderSize: L.HEADER_LIST_BYTES,
  maxFrameSize: L.FRAME_BYTES,
  headerTableSize: L.HEADER_TABLE_BYTES
}

module.exports = { initial, update, check, LIMITS, defaults: getDefaultSettings }
