'use strict'

// The running server, without the object that the program holds. A Server that the
// program has dropped can so be noticed while its sessions are served.

const native = require('./native.js')
const { stopAtExit } = require('./exit.js')
const { Pump } = require('./pump.js')
const { Request, settle } = require('./request.js')
const { Session, detailsOf } = require('./session.js')
const { Sessions } = require('./sessions.js')
const { GoawayError, check } = require('./errors.js')
const { emitSafely } = require('./uncaught.js')
require('./log.js') // shows warnings of the library

const C = native.constants
/** The library's default. */
const HIGH_WATER_BYTES = 65536
const BODY_BYTES = 16 * 1024 * 1024 // as in the library

class Core {
  #facade // a WeakRef to the Server
  #held = null // the Server itself, while the event loop must continue for it
  #sessions = new Sessions(this)
  #closers = []
  #counts // the final counts

  constructor (facade) {
    stopAtExit()
    this.#facade = new WeakRef(facade)
    this.pump = new Pump(this)
    /** The native server. */
    this.server = this.pump.server
    this.highWaterBytes = HIGH_WATER_BYTES
    this.bodyBytes = BODY_BYTES
    this.listening = false
    this.started = false
    this.closing = false
    /** The report of the close; null before it is complete. */
    this.report = null
    this.wanted = true // the program has not called unref
    check(this.server.watch(C.WATCH_SESSIONS | C.WATCH_PROGRESS))
  }

  get #emitter () {
    return this.#facade.deref()
  }

  /** Throws if the server has ended. */
  expectAlive () {
    if (this.report !== null) throw new GoawayError('GOAWAY_ERR_STATE', 'the server has ended')
  }

  register (pattern, handler) {
    this.expectAlive()
    check(this.pump.route(pattern, (record) => this.#open(record, handler)))
  }

  start () {
    this.expectAlive()
    check(this.server.start())
    this.started = true
    this.hold()
  }

  /** Keeps the event loop alive while there is something to wait for, if that is wanted. */
  hold () {
    const holds = this.wanted && this.report === null && (this.started || this.closing)
    if (holds) this.server.ref()
    else this.server.unref()
    this.#held = holds ? this.#emitter ?? null : null
  }

  close (drainMs, shutdownDelayMs = 0) {
    return new Promise((resolve, reject) => {
      if (this.report !== null) return resolve(this.report)
      check(this.server.close(drainMs, shutdownDelayMs)) // throws: rejects
      this.closing = true
      this.#closers.push(resolve)
      this.hold()
    })
  }

  /** What the server has refused; after the end, the final counts. */
  counts () { return this.#counts ?? this.server.counts() }

  /** The program has dropped the Server. */
  lost () {
    if (this.report !== null || this.closing) return
    if (!this.listening) return this.server.stop() // nothing that a client could miss
    process.emitWarning('a Server was garbage-collected that nobody had closed; it is closed now', {
      type: 'GoawayWarning',
      code: 'GOAWAY_SERVER_LOST'
    })
    if (this.started) this.close(0).catch(() => {})
    else this.server.stop()
  }

  // ---- requests ----

  #open (record, handler) {
    const request = new Request(this, record)
    try {
      const result = handler(request)
      if (result !== undefined && result !== null && typeof result.then === 'function') {
        result.then(() => settle(request), (error) => this.#rejected(request, error))
      } else {
        settle(request)
      }
    } catch (error) {
      this.#threw(request, error)
    }
    return request
  }

  #threw (request, error) {
    settle(request)
    if (this.#report(request, error)) return
    process.nextTick(() => { throw error }) // like an error in any callback of Node.js
  }

  // Thrown again it is an unhandled rejection, as before.
  #rejected (request, error) {
    settle(request)
    if (!this.#report(request, error)) throw error
  }

  /**
   * The library has refused a command that the checks here have passed. The program is not at fault
   * and cannot be told where it wrote it, so only that request fails.
   */
  refused (request, error) {
    if (!this.#report(request, error)) process.emitWarning(error.message, { type: 'GoawayWarning', code: error.code })
  }

  // True if there is nothing left to report.
  #report (request, error) {
    if (!request.giveUp(error)) return true
    const emitter = this.#emitter
    if (emitter === undefined || emitter.listenerCount('error') === 0) return false
    emitter.emit('error', error, request)
    return true
  }

  // ---- sessions ----

  get sessions () { return this.#sessions }

  /** The Session with this id. It emits events if the program listens. */
  session (id, peer) {
    return this.#sessions.get(id) ?? new Session(this, id, peer)
  }

  onSession (record) { this.#sessions.take(record) }

  onAcceptFailed (event, record) {
    const emitter = this.#emitter
    if (emitter !== undefined) emitSafely(emitter, 'acceptError', detailsOf(event, record))
  }

  onOpened ({ id, peer }) {
    const emitter = this.#emitter
    if (emitter === undefined || emitter.listenerCount('session') === 0) return
    const session = new Session(this, id, peer)
    this.#sessions.add(session)
    emitSafely(emitter, 'session', session)
  }

  onSessionEvent (event, session, record) {
    if (session === undefined) return
    const details = detailsOf(event, record)
    if (event.kind === 'closed') session.closed = details
    if (event.kind !== 'error' || session.listenerCount('error') > 0) emitSafely(session, event.kind, details)
  }

  // ---- the end ----

  onProgress (record) {
    const emitter = this.#emitter
    if (emitter === undefined || emitter.listenerCount('progress') === 0) return
    emitSafely(emitter, 'progress', { sessions: record.code, streams: record.cause, leftMs: record.number })
  }

  onClosed () {
    this.report = Object.freeze(this.server.report() ?? {})
    this.#counts = this.server.counts()
    const emitter = this.#emitter
    this.hold()
    // The threads of the native server have no work left, and end now.
    this.server.stop()
    for (const resolve of this.#closers.splice(0)) resolve(this.report)
    if (emitter !== undefined) emitSafely(emitter, 'close', this.report)
  }
}

module.exports = { Core }
