'use strict'

// The `link` field of early hints (RFC 8297). Its values are links of RFC 8288, section
// 3: a target in angle brackets and parameters.

const { wrongValue } = require('./errors.js')

const TARGET = /^\s*<[^<>]*>/
const PARAMETER = /^\s*;\s*[^\s;="<>]+(\s*=\s*("([^"\\]|\\.)*"|[^\s;",<>]+))?/
const REASON = 'must be an array or string of format "</styles.css>; rel=preload; as=style"'

function isLink (text) {
  const target = TARGET.exec(text)
  if (target === null) return false
  let rest = text.slice(target[0].length)
  while (rest.trim() !== '') {
    const parameter = PARAMETER.exec(rest)
    if (parameter === null) return false
    rest = rest.slice(parameter[0].length)
  }
  return true
}

function check (value) {
  if (typeof value !== 'string' || !isLink(value)) throw wrongValue('hints', value, REASON)
  return value
}

/** Joins one or several links to a value; '' if there is none. */
function linkOf (value) {
  return Array.isArray(value) ? value.map(check).join(', ') : check(value)
}

module.exports = { linkOf }
