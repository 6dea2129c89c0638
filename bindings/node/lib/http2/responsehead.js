'use strict'

// The head of a response as a program may give it.

const { isBodyless } = require('../status.js')
const { failure, wrongType } = require('./errors.js')

/** Checks that headers are an object, or with `lists` possibly a flat list. */
function checkHeaders (headers, lists) {
  if (headers === undefined) return
  if (headers === null || typeof headers !== 'object' || (!lists && Array.isArray(headers))) {
    throw wrongType('headers', lists ? ['Array', 'Object'] : 'Object', headers)
  }
}

/** Options for a head whose fields do not change any more, for the compatibility API. */
class HeadOptions {
  constructor (endStream, sendDate) {
    this.endStream = endStream
    this.waitForTrailers = false
    this.sendDate = sendDate
  }
}

/** The status of a head; 200 by default. */
function statusOf (given) {
  const status = given === undefined || given === null ? 200 : given | 0
  if (status < 200 || status > 599) throw failure('ERR_HTTP2_STATUS_INVALID', given)
  return status
}

/** Converts an error of the library about a field to the error of node:http2. */
function ofField (error) {
  const name = /"(.*)"/.exec(error.message)?.[1]
  return error.code === 'GOAWAY_ERR_INVALID' && name !== undefined ? failure('ERR_INVALID_CHAR', 'header content', name) : error
}

// Flags of a stream whose head was sent, for the diagnostics channel.
const READY = 1
const HEADERS_SENT = 4
const HEAD_REQUEST = 8
const HAS_TRAILERS = 32

function flagsOf (headRequest, hasTrailers) {
  return READY | HEADERS_SENT | (headRequest ? HEAD_REQUEST : 0) | (hasTrailers ? HAS_TRAILERS : 0)
}

module.exports = { isBodyless, checkHeaders, HeadOptions, statusOf, ofField, flagsOf }
