'use strict'

// The state that the pump keeps on each sink (see pump.js).

/** Initialises `sink` for the request of a REQUEST record. */
function becomeSink (sink, record) {
  sink.low = record.low
  sink.high = record.high
  sink.live = true
  sink.headAt = -1
  sink.headTurn = -1
  sink.wroteAt = -1
  sink.wroteTurn = -1
}

module.exports = { becomeSink }
