'use strict'

// The diagnostics channels on which Node.js tells of the streams of its servers,
// since Node.js 24; here on every version that has channels.

const { channel } = require('node:diagnostics_channel')

const of = (what) => channel(`http2.server.stream.${what}`)

module.exports = {
  /** { stream, headers }: a request, or the promise of a pushed stream. */
  created: of('created'),
  /** { stream, headers }: the same when programs get it. */
  started: of('start'),
  /** { stream, headers, flags }: the head of the response, by `respond`. */
  finished: of('finish'),
  /** { stream, error } */
  failed: of('error'),
  /** { stream } */
  closed: of('close')
}
