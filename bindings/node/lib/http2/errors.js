'use strict'

// The errors of node:http2, with the same codes, classes and messages.

const { inspect } = require('node:util')
const { constants } = require('node:http2')

/** Names of the error codes of RFC 9113, section 7, such as 'NGHTTP2_CANCEL'. */
const CODE_NAMES = { __proto__: null }
for (const name of ['NO_ERROR', 'PROTOCOL_ERROR', 'INTERNAL_ERROR', 'FLOW_CONTROL_ERROR', 'SETTINGS_TIMEOUT', 'STREAM_CLOSED',
  'FRAME_SIZE_ERROR', 'REFUSED_STREAM', 'CANCEL', 'COMPRESSION_ERROR', 'CONNECT_ERROR', 'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY', 'HTTP_1_1_REQUIRED']) {
  CODE_NAMES[constants[`NGHTTP2_${name}`]] = `NGHTTP2_${name}`
}

const nameOf = (code) => CODE_NAMES[code] ?? code

/** The class and the message for each code. */
const KINDS = {
  __proto__: null,
  ERR_HTTP2_ALTSVC_INVALID_ORIGIN: [TypeError, () => 'HTTP/2 ALTSVC frames require a valid origin'],
  ERR_HTTP2_ALTSVC_LENGTH: [TypeError, () => 'HTTP/2 ALTSVC frames are limited to 16382 bytes'],
  ERR_HTTP2_GOAWAY_SESSION: [Error, () => 'New streams cannot be created after receiving a GOAWAY'],
  ERR_HTTP2_HEADERS_AFTER_RESPOND: [Error, () => 'Cannot specify additional headers after response initiated'],
  ERR_HTTP2_HEADERS_SENT: [Error, () => 'Response has already been initiated.'],
  ERR_HTTP2_HEADER_SINGLE_VALUE: [TypeError, (name) => `Header field "${name}" must only have a single value`],
  ERR_HTTP2_INFO_STATUS_NOT_ALLOWED: [RangeError, () => 'Informational status codes cannot be used'],
  ERR_HTTP2_INVALID_CONNECTION_HEADERS: [TypeError, (name) => `HTTP/1 Connection specific headers are forbidden: "${name}"`],
  ERR_HTTP2_INVALID_HEADER_VALUE: [TypeError, (value, name) => `Invalid value "${value}" for header "${name}"`],
  ERR_HTTP2_INVALID_INFO_STATUS: [RangeError, (status) => `Invalid informational status code: ${status}`],
  ERR_HTTP2_INVALID_ORIGIN: [TypeError, () => 'HTTP/2 ORIGIN frames require a valid origin'],
  ERR_HTTP2_INVALID_PSEUDOHEADER: [TypeError, (name) => `"${name}" is an invalid pseudoheader or is used incorrectly`],
  ERR_HTTP2_INVALID_SESSION: [Error, () => 'The session has been destroyed'],
  ERR_HTTP2_INVALID_STREAM: [Error, () => 'The stream has been destroyed'],
  ERR_HTTP2_MAX_PENDING_SETTINGS_ACK: [Error, () => 'Maximum number of pending settings acknowledgements'],
  ERR_HTTP2_NESTED_PUSH: [Error, () => 'A push stream cannot initiate another push stream.'],
  ERR_HTTP2_NO_SOCKET_MANIPULATION: [Error, () => 'HTTP/2 sockets should not be directly manipulated (e.g. read and written)'],
  ERR_HTTP2_ORIGIN_LENGTH: [TypeError, () => 'HTTP/2 ORIGIN frames are limited to 16382 bytes'],
  ERR_HTTP2_OUT_OF_STREAMS: [Error, () => 'No stream ID is available because maximum stream ID has been reached'],
  ERR_HTTP2_PAYLOAD_FORBIDDEN: [Error, (status) => `Responses with ${status} status must not have a payload`],
  ERR_HTTP2_PING_CANCEL: [Error, () => 'HTTP2 ping cancelled'],
  ERR_HTTP2_PING_LENGTH: [RangeError, () => 'HTTP2 ping payload must be 8 bytes'],
  ERR_HTTP2_PSEUDOHEADER_NOT_ALLOWED: [TypeError, () => 'Cannot set HTTP/2 pseudo-headers'],
  ERR_HTTP2_PUSH_DISABLED: [Error, () => 'HTTP/2 client has disabled push streams'],
  ERR_HTTP2_SEND_FILE: [Error, () => 'Directories cannot be sent'],
  ERR_HTTP2_SEND_FILE_NOSEEK: [Error, () => 'Offset or length can only be specified for regular files'],
  ERR_HTTP2_SESSION_ERROR: [Error, (code) => `Session closed with error code ${code}`],
  ERR_HTTP2_SOCKET_UNBOUND: [Error, () => 'The socket has been disconnected from the Http2Session'],
  ERR_HTTP2_STATUS_101: [Error, () => 'HTTP status code 101 (Switching Protocols) is forbidden in HTTP/2'],
  ERR_HTTP2_STATUS_INVALID: [RangeError, (status) => `Invalid status code: ${status}`],
  ERR_HTTP2_STREAM_ERROR: [Error, (code) => `Stream closed with error code ${nameOf(code)}`],
  ERR_HTTP2_STREAM_SELF_DEPENDENCY: [Error, () => 'A stream cannot depend on itself'],
  ERR_HTTP2_TRAILERS_ALREADY_SENT: [Error, () => 'Trailing headers have already been sent'],
  ERR_HTTP2_TRAILERS_NOT_READY: [Error, () => 'Trailing headers cannot be sent until after the wantTrailers event is emitted'],
  ERR_INVALID_CHAR: [TypeError, (what, name) => `Invalid character in ${what}${name === undefined ? '' : ` ["${name}"]`}`],
  ERR_INVALID_HTTP_TOKEN: [TypeError, (what, name) => `${what} must be a valid HTTP token ["${name}"]`],
  ERR_SERVER_NOT_RUNNING: [Error, () => 'Server is not running.'],
  ERR_SERVER_ALREADY_LISTEN: [Error, () => 'Listen method has been called more than once without closing.'],
  ERR_STREAM_WRITE_AFTER_END: [Error, () => 'write after end'],
  ERR_METHOD_NOT_IMPLEMENTED: [Error, (what) => `${what} is not there in goaway/http2; docs/node-http2.md says why`]
}

/** Creates the error with this code. Its stack begins at the caller. */
function failure (code, ...args) {
  const [Kind, message] = KINDS[code]
  return named(Kind, code, message(...args))
}

function named (Kind, code, message) {
  const limit = Error.stackTraceLimit
  const error = new Kind(message)
  if (limit > 0) Error.captureStackTrace(error, failure)
  return marked(error, code)
}

// As in Node.js: the code is in the first line of the stack, and not in the name.
function marked (error, code) {
  Object.defineProperty(error, 'toString', {
    value () { return `${this.name} [${code}]: ${this.message}` },
    enumerable: false,
    writable: true,
    configurable: true
  })
  const { stack } = error
  if (typeof stack === 'string') {
    const head = `${error.name}: `
    if (stack.startsWith(head)) error.stack = `${error.name} [${code}]: ${stack.slice(head.length)}`
  }
  error.code = code
  return error
}

function listed (words) {
  if (words.length < 3) return words.join(' or ')
  return `${words.slice(0, -1).join(', ')}, or ${words[words.length - 1]}`
}

const PRIMITIVES = new Set(['string', 'function', 'number', 'object', 'boolean', 'bigint', 'symbol'])

function received (value) {
  if (value === null || value === undefined) return ` Received ${value}`
  if (typeof value === 'function') return ` Received function ${value.name}`
  if (typeof value === 'object') {
    if (value.constructor?.name) return ` Received an instance of ${value.constructor.name}`
    return ` Received ${inspect(value, { depth: -1 })}`
  }
  let shown = inspect(value, { colors: false })
  if (shown.length > 28) shown = `${shown.slice(0, 25)}...`
  return ` Received type ${typeof value} (${shown})`
}

/** ERR_INVALID_ARG_TYPE. `expected` has the names of types and classes. */
function wrongType (name, expected, value) {
  const what = name.includes('.') ? 'property' : 'argument'
  const kinds = [expected].flat()
  const types = kinds.filter((kind) => PRIMITIVES.has(kind.toLowerCase()) && kind !== 'Object').map((kind) => kind.toLowerCase())
  const classes = kinds.filter((kind) => !PRIMITIVES.has(kind.toLowerCase()))
  const isObject = kinds.includes('Object')
  const parts = []
  if (types.length > 0) parts.push(`${types.length > 1 ? 'one of type' : 'of type'} ${listed(types)}`)
  if (isObject && classes.length === 0) parts.push('of type object')
  else if (isObject) classes.push('Object')
  if (classes.length > 0) parts.push(`an instance of ${listed(classes)}`)
  return named(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" ${what} must be ${parts.join(' or ')}.${received(value)}`)
}

/** ERR_INVALID_ARG_VALUE. */
function wrongValue (name, value, reason = 'is invalid') {
  const what = name.includes('.') ? 'property' : 'argument'
  let shown = inspect(value)
  if (shown.length > 128) shown = `${shown.slice(0, 128)}...`
  return named(TypeError, 'ERR_INVALID_ARG_VALUE', `The ${what} '${name}' ${reason}. Received ${shown}`)
}

/** ERR_OUT_OF_RANGE. `range` is for example '>= 0 && <= 7'. */
function outOfRange (name, range, value) {
  let shown = String(typeof value === 'bigint' ? `${value}n` : inspect(value))
  if (Number.isInteger(value) && Math.abs(value) > 2 ** 32) shown = shown.replace(/\B(?=(\d{3})+$)/g, '_')
  return named(RangeError, 'ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be ${range}. Received ${shown}`)
}

/** ERR_HTTP2_INVALID_SETTING_VALUE, with `actual` and, for a range, `min` and `max`. */
function wrongSetting (name, value, min, max) {
  const Kind = min === undefined ? TypeError : RangeError
  const error = named(Kind, 'ERR_HTTP2_INVALID_SETTING_VALUE', `Invalid value for setting "${name}": ${value}`)
  error.actual = value
  if (min !== undefined) Object.assign(error, { min, max })
  return error
}

/** The error of Node.js when the peer resets the connection. */
function connectionLost () {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', errno: -104, syscall: 'read' })
}

/** The error of Node.js when the peer violates the protocol, with the number of nghttp2. */
function protocolError (text) {
  return Object.assign(new Error(text), { code: 'ERR_HTTP2_ERROR', errno: -505 })
}

/** The error of Node.js above `maxSessionInvalidFrames`. */
function tooManyInvalidFrames () {
  return Object.assign(new Error('Too many invalid HTTP/2 frames'), { code: 'ERR_HTTP2_TOO_MANY_INVALID_FRAMES', errno: -902 })
}

function checkFunction (value, name) {
  if (typeof value !== 'function') throw wrongType(name, 'Function', value)
}

function checkNumber (value, name, min, max) {
  if (typeof value !== 'number') throw wrongType(name, 'number', value)
  if ((min !== undefined && value < min) || (max !== undefined && value > max) ||
    ((min !== undefined || max !== undefined) && Number.isNaN(value))) {
    const above = min === undefined ? '' : `>= ${min}`
    const below = max === undefined ? '' : `<= ${max}`
    throw outOfRange(name, above && below ? `${above} && ${below}` : above || below, value)
  }
}

/** Checks an unsigned 32-bit number, such as an error code. */
function checkUint32 (value, name) {
  if (typeof value !== 'number') throw wrongType(name, 'number', value)
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value)
  if (value < 0 || value > 4294967295) throw outOfRange(name, '>= 0 && <= 4294967295', value)
}

/** Checks an object that is neither an array nor null. undefined is allowed. */
function checkOptions (value, name) {
  if (value === undefined) return
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrongType(name, 'Object', value)
}

module.exports = { failure, wrongType, wrongValue, wrongSetting, outOfRange, nameOf, connectionLost, protocolError, tooManyInvalidFrames, checkFunction, checkNumber, checkUint32, checkOptions }
