'use strict'

// Creates the request and response of the compatibility API for an HTTP/2 stream.

const { Http2ServerRequest } = require('./request.js')
const { Http2ServerResponse } = require('./response.js')

/** Emits a request on `server`. The `options` of createServer may name the classes. */
function onStream (server, stream, options) {
  const Request = options.Http2ServerRequest ?? Http2ServerRequest
  const Response = options.Http2ServerResponse ?? Http2ServerResponse
  const request = Request === Http2ServerRequest
    ? new Request(stream) // it reads its fields when somebody looks
    : new Request(stream, stream.requestHeaders, undefined, stream.rawRequestHeaders)
  const response = new Response(stream)
  response.req = request
  if (stream.requestMethod === 'CONNECT') {
    if (!server.emit('connect', request, response)) refuse(response, 405)
  } else if (stream.hasRequestHeader('expect')) {
    expect(server, request, response, request.headers.expect)
  } else {
    server.emit('request', request, response)
  }
}

// RFC 9110, section 10.1.1.
function expect (server, request, response, expectation) {
  if (expectation.toLowerCase() === '100-continue') {
    if (server.emit('checkContinue', request, response)) return
    response.writeContinue()
    server.emit('request', request, response)
  } else if (!server.emit('checkExpectation', request, response)) {
    refuse(response, 417)
  }
}

function refuse (response, status) {
  response.statusCode = status
  response.end()
}

module.exports = { onStream, Http2ServerRequest, Http2ServerResponse }
