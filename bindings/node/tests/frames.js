'use strict'

// A client that writes and reads single frames (RFC 9113). It answers nothing by
// itself, and may break every rule.

const net = require('node:net')

const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE] = [0, 1, 3, 4, 6, 7, 8]
const [END_STREAM, ACK, END_HEADERS] = [1, 1, 4]
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** Four bytes. */
function word (number) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(number)
  return bytes
}

/**
 * A header block of literals, each text of at most 126 bytes: without indexing
 * (RFC 7541, section 6.2.2), or, with true as third, never indexed (section 6.2.3).
 */
function block (fields) {
  const literal = (text) => Buffer.from([text.length, ...Buffer.from(text, 'latin1')])
  return Buffer.concat(fields.flatMap(([name, value, isSecret]) => [Buffer.from([isSecret ? 0x10 : 0]), literal(name), literal(value)]))
}

class Frames {
  /** `patienceMs`: after that what should come has not. */
  static async connect (port, patienceMs) {
    const frames = new Frames()
    frames.patienceMs = patienceMs
    frames.socket = net.connect(port, '127.0.0.1')
    frames.bytes = Buffer.alloc(0)
    frames.hasEnded = false
    frames.nextStream = 1
    frames.wake = () => {}
    frames.socket.on('data', (bytes) => {
      frames.bytes = Buffer.concat([frames.bytes, bytes])
      frames.wake()
    })
    frames.socket.on('error', () => {})
    for (const event of ['end', 'close']) {
      frames.socket.on(event, () => {
        frames.hasEnded = true
        frames.wake()
      })
    }
    await new Promise((resolve) => frames.socket.once('connect', resolve))
    return frames
  }

  /** The preface, with the window of streams if one is given. */
  greet (window) {
    this.socket.write(PREFACE)
    this.send(SETTINGS, 0, 0, window === undefined ? '' : Buffer.concat([Buffer.from([0, 4]), word(window)]))
  }

  send (kind, flags = 0, stream = 0, payload = '') {
    const body = Buffer.from(payload)
    const head = Buffer.alloc(9)
    head.writeUIntBE(body.length, 0, 3)
    head[3] = kind
    head[4] = flags
    head.writeUInt32BE(stream, 5)
    this.socket.write(Buffer.concat([head, body]))
  }

  /** A request with `fields` behind its pseudo-header fields; its body follows unless it is `whole`. Gives the stream. */
  ask ({ method = 'GET', authority = 'a', path = '/', fields = [], whole = true } = {}) {
    return this.askFor([[':method', method], [':scheme', 'http'], [':authority', authority], [':path', path], ...fields], whole)
  }

  /** A request of these fields, pseudo-header fields among them. */
  askFor (fields, whole = true) {
    const stream = this.nextStream
    this.nextStream += 2
    const section = block(fields)
    this.send(HEADERS, END_HEADERS | (whole ? END_STREAM : 0), stream, section)
    return stream
  }

  /** The trailer section, which ends the request. */
  finish (stream, fields) {
    this.send(HEADERS, END_HEADERS | END_STREAM, stream, block(fields))
  }

  /** So many bytes, fewer if the connection has ended. */
  async take (length) {
    const deadline = Date.now() + this.patienceMs
    while (this.bytes.length < length && !this.hasEnded) {
      let timer
      await new Promise((resolve) => {
        this.wake = resolve
        timer = setTimeout(resolve, Math.max(0, deadline - Date.now()))
      })
      clearTimeout(timer)
      if (Date.now() >= deadline) throw new Error('nothing comes')
    }
    const taken = this.bytes.subarray(0, length)
    this.bytes = this.bytes.subarray(taken.length)
    return taken
  }

  /** The next frame; null when the connection has ended. */
  async read () {
    const head = await this.take(9)
    if (head.length < 9) return null
    const payload = await this.take(head.readUIntBE(0, 3))
    const frame = { kind: head[3], flags: head[4], stream: head.readUInt32BE(5), payload }
    if (frame.kind === RST_STREAM) frame.code = payload.readUInt32BE(0)
    if (frame.kind === GOAWAY) frame.code = payload.readUInt32BE(4)
    return frame
  }

  /** The next frame of that kind; of SETTINGS and PING with these flags. */
  async until (kind, flags = 0) {
    for (;;) {
      const frame = await this.read()
      if (frame === null) throw new Error(`the connection ended before a frame of kind ${kind}`)
      if (frame.kind === kind && (![SETTINGS, PING].includes(kind) || frame.flags === flags)) return frame
    }
  }

  /** What comes until the connection ends. */
  async rest () {
    const frames = []
    for (let frame; (frame = await this.read()) !== null;) frames.push(frame)
    return frames
  }

  /** Both have acknowledged the other's SETTINGS. Gives the server's, by number. */
  async settle () {
    const { payload } = await this.until(SETTINGS)
    this.send(SETTINGS, ACK)
    await this.until(SETTINGS, ACK)
    const settings = {}
    for (let at = 0; at < payload.length; at += 6) settings[payload.readUInt16BE(at)] = payload.readUInt32BE(at + 2)
    return settings
  }

  close () {
    this.socket.destroy()
  }
}

module.exports = { Frames, word, DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, END_STREAM, ACK }
