'use strict'

// A request of HTTP/1.1 as the pump knows it (see pump.js), on a session whose
// socket carries it.

class Sink {
  constructor (record, session) {
    this.low = record.low
    this.high = record.high
    this.live = true
    this.headAt = -1
    this.headTurn = -1
    this.wroteAt = -1
    this.wroteTurn = -1
    this.session = session
  }

  get sessionId () { return this.session.id }
}

/** That nobody is there any more to write to. */
function gone () {
  return Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' })
}

module.exports = { Sink, gone }
