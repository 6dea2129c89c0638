'use strict'

// Joins a stream with its request and response: one function for all streams
// takes what the stream emits, so that no listener is added for each request.

const { EventEmitter } = require('node:events')

const { emit } = EventEmitter.prototype

const kRequest = Symbol('request')
const kResponse = Symbol('response')

/** By event of the stream: the method of a request or a response that is told. */
const kTell = {
  __proto__: null,
  end: Symbol('end'),
  trailers: Symbol('trailers'),
  aborted: Symbol('aborted'),
  timeout: Symbol('timeout'),
  drain: Symbol('drain'),
  close: Symbol('close')
}

function attachRequest (stream, request) {
  stream[kRequest] = request
  stream[kResponse] ??= undefined
  stream.emit = emitToBoth
}

function attachResponse (stream, response) {
  stream[kResponse] = response
  stream.emit = emitToBoth
}

function requestOf (stream) {
  return stream[kRequest]
}

// Of a stream: `emit`.
function emitToBoth (event, first, second, third) {
  const tell = kTell[event]
  if (tell !== undefined) {
    this[kRequest]?.[tell](first, second, third)
    this[kResponse]?.[tell](first, second, third)
  } else if (event === 'error' && this.listenerCount('error') === 0) {
    return false // what fails on the stream is told by 'aborted' and 'close'
  }
  return emit.apply(this, arguments)
}

module.exports = { attachRequest, attachResponse, requestOf, kTell }
