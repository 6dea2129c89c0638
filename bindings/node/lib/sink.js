'use strict'

// What the pump keeps on each sink (see pump.js), whatever else the sink is.

/** Makes `sink` the sink of the request that the record tells of. */
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
