'use strict'

// npm runs this before it packs: the package gets the licence files of the
// repository, and is not packed without its binaries.

const { copyFileSync, existsSync } = require('node:fs')
const { join } = require('node:path')
const { os, cpu, files } = require('./package.json')

for (const file of files.filter((name) => /^[A-Z-]+$/.test(name))) copyFileSync(join(__dirname, '..', '..', file), join(__dirname, file))
for (const system of os) {
  for (const processor of cpu) {
    const binary = join('prebuilds', `${system}-${processor}`, 'goaway.node')
    if (!existsSync(join(__dirname, binary))) throw new Error(`${binary} is not there; run \`make node-prebuild\``)
  }
}
