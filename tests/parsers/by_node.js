'use strict'

// How node:http divides bytes into requests. Standard input has messages, each
// behind its length in four bytes; standard output gets, of each, lines in
// hexadecimal: M method target, F name value, B content of a request that is
// whole, X why it was refused, and a dot.

const http = require('node:http')
const { Duplex } = require('node:stream')

const server = http.createServer({ requestTimeout: 0, headersTimeout: 0 })
for (const event of ['request', 'checkContinue', 'checkExpectation', 'connect']) {
  server.on(event, (request, response) => {
    const seen = { request, response, content: [], isWhole: event === 'connect' }
    request.socket.seen.push(seen)
    request.on('data', (data) => seen.content.push(data))
    request.on('end', () => { seen.isWhole = true })
    request.on('error', () => {})
  })
}
server.on('clientError', (error, socket) => {
  // It is not whole: that the end came there is nobody's fault.
  if (error.code !== 'HPE_INVALID_EOF_STATE') socket.refused ??= error.code
})

class Socket extends Duplex {
  seen = []
  refused = null

  _read () {}

  _write (chunk, encoding, done) {
    // What node:http refuses itself, such as a request without a host.
    const status = /^HTTP\/1\.1 ([45]\d\d)/.exec(chunk.toString('latin1'))
    if (status) this.refused ??= `STATUS_${status[1]}`
    done()
  }

  setTimeout () { return this }
  setKeepAlive () { return this }
  setNoDelay () { return this }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const hex = (text) => Buffer.from(text, 'latin1').toString('hex')

async function read (message) {
  const socket = new Socket()
  socket.on('error', () => {})
  server.emit('connection', socket)
  socket.push(message)
  for (let turns = 0; turns < 3; turns++) await turn()
  const lines = []
  for (const { request, response, content, isWhole } of socket.seen) {
    if (!isWhole) continue
    // A refusal has its turn behind the responses.
    response.end()
    lines.push(`M ${hex(request.method)} ${hex(request.url)}`)
    for (let at = 0; at < request.rawHeaders.length; at += 2) {
      lines.push(`F ${hex(request.rawHeaders[at])} ${hex(request.rawHeaders[at + 1])}`)
    }
    lines.push(`B ${Buffer.concat(content).toString('hex')}`)
    // Nothing behind it is read.
    const { connection = '', upgrade } = request.headers
    if (upgrade !== undefined && /upgrade/i.test(connection)) socket.refused ??= 'UPGRADE'
  }
  await turn()
  if (socket.refused) lines.push(`X ${hex(socket.refused)}`)
  socket.destroy()
  return lines.concat('.\n').join('\n')
}

async function main () {
  const pieces = []
  for await (const piece of process.stdin) pieces.push(piece)
  const input = Buffer.concat(pieces)
  for (let at = 0; at < input.length;) {
    const length = input.readUInt32BE(at)
    process.stdout.write(await read(input.subarray(at + 4, at + 4 + length)))
    at += 4 + length
  }
}

main()
