'use strict'

// Joins a stream with its request and response of the compatibility API: the
// stream tells both of its events, so that no listener is added for each request.

const kRequest = Symbol('request')
const kResponse = Symbol('response')
/** On a stream: whether there is one of the two. */
const kJoined = Symbol('joined')

/** By event of the stream: the method of a request or a response that is told. */
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

/** Tells the request and the response of a stream what it emits, if it is one of `kTell`. */
function tellJoined (stream, event, args) {
  const tell = kTell[event]
  if (tell === undefined) return
  stream[kRequest]?.[tell](...args)
  stream[kResponse]?.[tell](...args)
}

module.exports = { attachRequest, attachResponse, requestOf, tellJoined, kJoined, kTell }
