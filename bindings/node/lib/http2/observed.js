'use strict'

// Whether somebody sees what an emitter emits. What nobody would see need not be
// made; but who has replaced `emit`, as tracing agents do, sees everything.

const { EventEmitter } = require('node:events')

const { emit } = EventEmitter.prototype

/** Node's own `emit`. Null if it was replaced before this was loaded: then everything is emitted. */
const OWN_EMIT = Function.prototype.toString.call(emit).includes('kErrorMonitor') ? emit : null

/** Whether `emitter.emit` is Node's own. */
function isPlain (emitter) {
  return emitter.emit === OWN_EMIT
}

/** Whether to emit what more than `count` listeners, or a replaced `emit`, would see. */
function isObserved (emitter, event, count = 0) {
  return !isPlain(emitter) || emitter.listenerCount(event) > count
}

module.exports = { isPlain, isObserved }
