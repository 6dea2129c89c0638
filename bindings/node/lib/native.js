'use strict'

// Finds and loads the compiled shim, and exports what goaway.c has, unchanged.

const { join } = require('node:path')

const root = join(__dirname, '..')
const platform = `${process.platform}-${process.arch}`

const SUPPORTED = "goaway's package has binaries for Linux on x64 with glibc 2.28 or later. Elsewhere, in a clone of " +
  'https://github.com/goaway/goaway, run `make node` (it takes Rust 1.88 or later, a C compiler, make and npm), ' +
  'and install the folder bindings/node with `npm install --force`.'

/** The platform, as far as it decides which binaries can be loaded. */
function here () {
  const glibc = process.report?.getReport().header.glibcVersionRuntime
  return `${platform} and ${glibc ? `glibc ${glibc}` : 'another libc than glibc'}`
}

/**
 * The files that are tried, in this order. The environment variable excludes all others: only that
 * file is tried. A package has no build/. In a clone, build/ is never older than prebuilds/.
 */
function places () {
  const chosen = process.env.GOAWAY_NODE_ADDON
  if (chosen) return [{ what: 'GOAWAY_NODE_ADDON', file: chosen }]
  return [
    { what: 'built here by `make node`', file: join(root, 'build', 'goaway.node') },
    { what: 'shipped with the package', file: join(root, 'prebuilds', platform, 'goaway.node') }
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
  const error = new Error(`goaway: no native part for ${here()} with Node.js ${process.version}; tried\n${failures.join('\n')}\n${SUPPORTED}`)
  error.code = 'GOAWAY_ERR_NOT_FOUND'
  throw error
}

module.exports = load()
