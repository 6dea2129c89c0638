'use strict'

// The proxies that are trusted to say who the client is.

const { inspect } = require('node:util')
const { checkOptions } = require('./options.js')
const { GoawayError, check } = require('./errors.js')

/** The length of a list that the shim has room for. */
const TEXT_MAX = 4000

function listOf (name, value) {
  if (value === undefined) return undefined
  const items = [value].flat()
  const text = items.join(',')
  if (items.every((item) => typeof item === 'string' && !item.includes('\0')) && text.length <= TEXT_MAX) return text
  throw new GoawayError('GOAWAY_ERR_INVALID', `${name} of trusted proxies is ${inspect(value)}, not a text or an array of texts`)
}

/** Sets `{ trusted, fields }` at the native `server`; throws if one of them cannot be. */
function setForwarded (server, options) {
  const { trusted, fields } = checkOptions(options, ['trusted', 'fields'], 'trusted proxies')
  check(server.setForwarded(listOf('trusted', trusted), listOf('fields', fields)))
}

module.exports = { setForwarded }
