'use strict'

// The one file that knows where the compiled shim is. It exports what goaway.c
// has, with nothing added.

const { join } = require('node:path')

const root = join(__dirname, '..')
const platform = `${process.platform}-${process.arch}`

/**
 * Where the shim may be, in the order in which the places are tried. The
 * environment variable stands alone: who sets it means that file and no other.
 */
function places () {
  const chosen = process.env.GOAWAY_NODE_ADDON
  if (chosen) return [{ what: 'GOAWAY_NODE_ADDON', file: chosen }]
  return [
    { what: 'shipped with the package', file: join(root, 'prebuilds', platform, 'goaway.node') },
    { what: 'built here by `make node`', file: join(root, 'build', 'goaway.node') }
  ]
}

function load () {
  const failures = []
  for (const { what, file } of places()) {
    try {
      return require(file)
    } catch (error) {
      failures.push(`  ${file} (${what}): ${error.message.split('\n', 1)[0]}`)
    }
  }
  const error = new Error(`goaway: no native part for ${platform} with Node.js ${process.version}; tried\n${failures.join('\n')}`)
  error.code = 'GOAWAY_ERR_NOT_FOUND'
  throw error
}

module.exports = load()
