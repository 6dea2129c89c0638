'use strict'

// Server push (RFC 9113, section 8.4).

const { AsyncResource } = require('node:async_hooks')
const { constants } = require('node:http2')
const native = require('../native.js')
const { statusName } = require('../errors.js')
const channels = require('./channels.js')
const { failure, wrongValue } = require('./errors.js')
const { ofRequest, sentObject } = require('./headers.js')
const { PUSH_PROMISE } = require('./exchangestream.js')

const C = native.constants
const PSEUDO = [':method', ':authority', ':scheme', ':path']

/** The methods without a request body (section 8.4). */
function checkMethod (method) {
  if (method !== 'GET' && method !== 'HEAD') throw wrongValue('headers[":method"]', method, 'is none of a pushed request: GET or HEAD')
}

// The name and value of each field, each followed by a NUL. The pseudo-header fields are
// first.
function packed (fields) {
  const pieces = []
  for (const first of [true, false]) {
    for (let at = 0; at < fields.length; at += 2) {
      if (PSEUDO.includes(fields[at]) === first) pieces.push(fields[at], fields[at + 1])
    }
  }
  return Buffer.from(`${pieces.join('\0')}\0`, 'latin1')
}

/**
 * Begins a pushed stream of `parent`. `make(record)` creates it. `callback` is called when the
 * stream has its identifier, which takes a moment.
 */
function push (parent, hub, given, callback, make) {
  const headers = sentObject(given)
  const asked = parent.requestHeaders
  headers[':method'] ??= 'GET'
  headers[':authority'] ??= asked[':authority'] ?? asked.host
  headers[':scheme'] ??= asked[':scheme']
  headers[':path'] ??= '/'
  checkMethod(headers[':method'])
  const { fields, length } = ofRequest(headers)
  if (length > hub.maxHeaderBytes) {
    parent.tooLarge(PUSH_PROMISE)
    return process.nextTick(callback, failure('ERR_HTTP2_STREAM_ERROR', constants.NGHTTP2_FRAME_SIZE_ERROR))
  }
  const out = new Uint32Array(3)
  hub.pump.flush()
  const status = hub.server.push(parent.high * 4294967296 + (parent.low >>> 0), packed(fields), out)
  if (status !== 0) return process.nextTick(callback, refused(status))
  const stream = make({
    low: out[0] | 0,
    high: out[1] | 0,
    code: out[2],
    flags: C.RECORD_FLAG_END | C.RECORD_FLAG_NO_BODY | (headers[':method'] === constants.HTTP2_METHOD_HEAD ? C.RECORD_FLAG_HEAD : 0),
    sessionLow: parent.sessionId | 0,
    sessionHigh: Math.floor(parent.sessionId / 4294967296),
    dataLength: 0,
    text: '',
    cookies: '',
    cause: 0,
    fieldFlags: '',
    params: 0
  })
  hub.pump.adopt(stream)
  if (channels.created.hasSubscribers) channels.created.publish({ stream, headers })
  stream.on('error', ignore)
  const promise = { stream, headers, callback: AsyncResource.bind(callback) }
  if (hub.promises.push(promise) === 1) process.nextTick(handOver, hub)
}

// Until the program has the stream, the callback reports its end.
function ignore () {}

/**
 * Passes the promised streams to the program in their order. The session's thread assigns their
 * identifiers, or they are cancelled together with the stream that they are pushed on.
 */
function handOver (hub) {
  const { stream, headers, callback } = hub.promises[0]
  if (stream.pending && !stream.destroyed) return setImmediate(handOver, hub)
  hub.promises.shift()
  if (hub.promises.length > 0) process.nextTick(handOver, hub) // also if the callback throws
  if (stream.destroyed) return callback(failure('ERR_HTTP2_INVALID_STREAM'))
  stream.off('error', ignore)
  stream.promised(headers)
  if (channels.started.hasSubscribers) channels.started.publish({ stream, headers })
  callback(null, stream, headers, 0)
}

function refused (status) {
  const code = statusName(status)
  if (code === 'GOAWAY_ERR_STATE') return failure('ERR_HTTP2_PUSH_DISABLED')
  if (code === 'GOAWAY_ERR_GONE' || code === 'GOAWAY_ERR_CANCELLED') return failure('ERR_HTTP2_INVALID_STREAM')
  return Object.assign(new Error(native.lastError()), { code })
}

module.exports = { push }
