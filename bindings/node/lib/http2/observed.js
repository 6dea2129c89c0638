'use strict'

// Whether a program observes the events of an emitter. Events without an observer need
// not be created. A program that has replaced `emit`, such as a tracing agent, observes
// everything.

const { EventEmitter } = require('node:events')

const { emit } = EventEmitter.prototype

/**
 * The `emit` of Node.js. Null if it was replaced before this module was loaded: then everything is
 * emitted.
 */
const OWN_EMIT = Function.prototype.toString.call(emit).includes('kErrorMonitor') ? emit : null

/** Whether `emitter.emit` is that of Node.js. */
function isPlain (emitter) {
  return emitter.emit === OWN_EMIT
}

/** Whether an event has an observer: more than `count` listeners, or a replaced `emit`. */
function isObserved (emitter, event, count = 0) {
  return !isPlain(emitter) || emitter.listenerCount(event) > count
}

module.exports = { isPlain, isObserved }
