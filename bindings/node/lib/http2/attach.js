'use strict'

// Joins a stream with its request and response of the compatibility API. The stream
// passes events to both, so that no listener is added for each request.

const kRequest = Symbol('request')
const kResponse = Symbol('response')
/** Set on a stream that has a request or a response. */
const kJoined = Symbol('joined')

/** The method of a request or response for each event of the stream. */
const kTell = {
  __proto__: null,
  end: Symbol('end'),
  trailers: Symbol('trailers'),
  wantTrailers: Symbol('wantTrailers'),
  aborted: Symbol('aborted'),
  timeout: Symbol('timeout'),
  drain: Symbol('drain'),
  close: Symbol('close')
}

function attachRequest (stream, request) {
  stream[kRequest] = request
  stream[kJoined] = true
}

function attachResponse (stream, response) {
  stream[kResponse] = response
  stream[kJoined] = true
}

function requestOf (stream) {
  return stream[kRequest]
}

/** Passes an event of the stream to its request and response, if it is in `kTell`. */
function tellJoined (stream, event, args) {
  const tell = kTell[event]
  if (tell === undefined) return
  stream[kRequest]?.[tell](...args)
  stream[kResponse]?.[tell](...args)
}

module.exports = { attachRequest, attachResponse, requestOf, tellJoined, kJoined, kTell }
