'use strict'

// The tunnel that a response to CONNECT opens, as a stream of Node's.

const { Duplex } = require('node:stream')

const CANCEL = 8 // RFC 9113, section 7

function ignore () {}

class Tunnel extends Duplex {
  #request
  #body

  constructor (request) {
    super({ allowHalfOpen: false })
    this.on('error', ignore) // that the peer goes is told by 'close' too, and need not be listened to
    this.#request = request
    this.#body = request.body
    const { signal } = request
    const gone = () => this.destroy(signal.reason)
    if (signal.aborted) gone()
    else signal.addEventListener('abort', gone, { once: true })
  }

  _read () {
    this.#body.next().then(({ value, done }) => this.push(done ? null : value), (error) => this.destroy(error))
  }

  _write (chunk, _, done) {
    this.#request.write(chunk).then((goesOn) => done(goesOn ? null : this.#request.signal.reason), done)
  }

  // The end of the response is the end of both ways.
  _final (done) {
    if (!this.#request.ended) this.#request.end()
    this.push(null)
    done()
  }

  _destroy (error, done) {
    if (!this.#request.ended) this.#request.reset(CANCEL)
    done(error)
  }
}

module.exports = { Tunnel }
