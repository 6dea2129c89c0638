'use strict'

// Objects of options. An unknown name is an error, so that a typing mistake is noticed.
// Also the names of limits and features.

const { inspect } = require('node:util')
const native = require('./native.js')
const { GoawayError } = require('./errors.js')

/**
 * Throws unless `options` is an object with names in `known` only. `what` describes the object in
 * the error. A value of undefined is the same as no value.
 */
function checkOptions (options, known, what) {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new GoawayError('GOAWAY_ERR_INVALID', `the options of ${what} are ${inspect(options, { depth: 0 })}, not an object`)
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name) && options[name] !== undefined) {
      throw new GoawayError('GOAWAY_ERR_INVALID', `${what} has no option "${name}"; it has ${known.join(', ')}`)
    }
  }
  return options
}

/** The constants of goaway.h by their names here: IDLE_MS is `idleMs`. */
function byName (constants) {
  const named = { __proto__: null }
  for (const name of Object.keys(constants)) {
    named[name.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase())] = constants[name]
  }
  return named
}

/** The limits and features of goaway.h by name. */
const LIMITS = byName(native.limits)
const FEATURES = byName(native.features)

/**
 * The number of the feature `name`. Throws for an unknown feature, or if `enabled` is not a
 * boolean.
 */
function featureOf (name, enabled) {
  if (FEATURES[name] === undefined) throw new GoawayError('GOAWAY_ERR_INVALID', `there is no feature "${name}"; there are ${Object.keys(FEATURES).join(', ')}`)
  if (typeof enabled !== 'boolean') throw new GoawayError('GOAWAY_ERR_INVALID', `the feature ${name} is ${inspect(enabled, { depth: 0 })}, not true or false`)
  return FEATURES[name]
}

module.exports = { checkOptions, LIMITS, FEATURES, featureOf }
