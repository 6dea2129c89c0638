'use strict'

// Objects of options: a name that means nothing is an error, not a wish that is
// silently left out.

const { inspect } = require('node:util')
const { GoawayError } = require('./errors.js')

/**
 * Throws unless `options` is an object whose names are all among `known`;
 * `what` it is of stands in the text. A value of undefined is none.
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

module.exports = { checkOptions }
