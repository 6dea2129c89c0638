'use strict'

// What the demos for node:http2's API and for Fastify share: the command line,
// the certificate, the control of sessions, and the close.

const { readFileSync } = require('node:fs')

const WHOLE = /^[0-9]{1,15}$/
const EVENTS_KEPT = 1000

/** A number from the environment, the command line or a query. Throws if it is not a number. */
function numberOf (what, text, otherwise) {
  if (text === undefined || text === null) return otherwise
  if (!WHOLE.test(text)) throw new RangeError(`${what} is "${text}", not a number`)
  return Number(text)
}

/** The certificate and its key, in the files that TLS_CERT and TLS_KEY name; null without TLS. */
function identity () {
  const { TLS_CERT: cert, TLS_KEY: key } = process.env
  return cert && key ? { cert: readFileSync(cert), key: readFileSync(key) } : null
}

/** Every demo prints 'sessionsGraceful' as 'sessions_graceful'. */
function snake (object) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`), value]))
}

/** Routes for tests: sessions, events, closing. */
class Control {
  constructor (server, drainMs) {
    this.server = server
    this.drainMs = drainMs
    this.events = []
    server.on('session', (session) => this.#follow(session))
    server.on('sessionClosed', ({ id, outcome }) => this.#keep(`closed ${id} ${outcome}`))
  }

  #follow (session) {
    const { id } = session
    this.#keep(`opened ${id}`)
    const names = { remoteSettings: 'settings', ping: 'ping', goaway: 'goaway', error: 'error', timeout: 'timeout', frameError: 'frame_error' }
    for (const name of Object.keys(names)) session.on(name, () => this.#keep(`${names[name]} ${id}`))
  }

  #keep (line) {
    if (this.events.push(line) > EVENTS_KEPT) this.events.shift()
  }

  /** The live sessions, for `GET /sessions`. */
  sessions () {
    return this.server.sessions.map((session) => session.info()).filter(Boolean).map(snake)
  }

  /** Calls `act(session)`. Returns the status of the response: 204, 400 or 404. */
  onSession (id, act) {
    if (!WHOLE.test(id)) return 400
    const session = this.server.sessions.find((session) => session.id === Number(id))
    if (session?.info() === undefined) return 404
    try {
      act(session)
      return 204
    } catch (error) {
      if (error instanceof RangeError) return 400
      throw error
    }
  }

  closeSession (id, query) {
    return this.onSession(id, (session) => {
      session.close({ drainMs: numberOf('drain_ms', query.get('drain_ms'), this.drainMs) })
    })
  }

  abortSession (id, query) {
    return this.onSession(id, (session) => {
      session.abort({ code: numberOf('code', query.get('code'), 0), debug: query.get('debug') ?? '' })
    })
  }
}

/**
 * Returns a listener for signals. The first signal calls `close(drainMs)`, a second one
 * `close(0)`. A second signal within 100 ms is ignored, because GNU timeout sends two.
 */
function atSignals (drainMs, close) {
  let first = null
  return () => {
    const now = performance.now()
    if (first === null) {
      first = now
      close(drainMs)
    } else if (now - first >= 100) close(0)
  }
}

/** Calls `close(drainMs)` at a signal and prints the report. A second signal forces. */
function leaveAtSignals (server, drainMs, close) {
  const leave = atSignals(drainMs, (ms) => { if (server.report === null) close(ms) })
  process.on('SIGTERM', leave).on('SIGINT', leave)
  server.once('close', () => {
    console.log(JSON.stringify(snake(server.report)))
    setImmediate(() => process.exit()) // while a late signal still finds its listener
  })
}

module.exports = { WHOLE, numberOf, identity, Control, atSignals, leaveAtSignals }
