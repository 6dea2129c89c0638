'use strict'

// The `link` field of early hints (RFC 8297), checked as node:http2 does.

const { wrongValue } = require('./errors.js')

/** `<target>; name=value; ...`, of RFC 8288 what a program needs. */
const LINK = /^(?:<[^>]*>)(?:\s*;\s*[^;"\s]+(?:=(")?[^;"\s]*\1)?)*$/
const REASON = 'must be an array or string of format "</styles.css>; rel=preload; as=style"'

function check (value) {
  if (typeof value !== 'string' || !LINK.test(value)) throw wrongValue('hints', value, REASON)
  return value
}

/** One value of a link or of several; '' if there is none. */
function linkOf (value) {
  return Array.isArray(value) ? value.map(check).join(', ') : check(value)
}

module.exports = { linkOf }
