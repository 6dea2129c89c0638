'use strict'

// The diagnostics channels of Node.js for the streams of servers, which Node.js has since
// version 24. Here they are on every version that has channels.

const { channel } = require('node:diagnostics_channel')

const of = (what) => channel(`http2.server.stream.${what}`)

module.exports = {
  /** { stream, headers }: a request has arrived, or a pushed stream was promised. */
  created: of('created'),
  /** { stream, headers }: the program gets the stream. */
  started: of('start'),
  /** { stream, headers, flags }: the response head was sent by `respond`. */
  finished: of('finish'),
  /** { stream, error } */
  failed: of('error'),
  /** { stream } */
  closed: of('close')
}
