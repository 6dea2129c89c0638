'use strict'

// The running server of an Http2Server, between listen and the end of close: the native
// server, and its sessions and streams.

const { AsyncResource } = require('node:async_hooks')
const native = require('../native.js')
const { stopAtExit } = require('../exit.js')
const { Pump } = require('../pump.js')
const { check, GoawayError } = require('../errors.js')
const { callListeners, emitSafely } = require('../uncaught.js')
const { Sessions } = require('../sessions.js')
const { setHealthPaths } = require('../health.js')
const { nativeOf } = require('../tls.js')
const { ServerHttp2Session } = require('./session.js')
const { ServerHttp2Stream } = require('./stream.js')
const { UpgradeLine } = require('./upgrade.js')
const { Http1Exchange } = require('./http1.js')
const { failure, connectionLost, protocolError } = require('./errors.js')

const C = native.constants
const NO_ERROR = 0
const PROTOCOL_ERROR = 1
const NO_BYTES = Buffer.alloc(0)
/** Flags of an HTTP/1 request. */
const HTTP1 = C.RECORD_FLAG_HTTP_1_1 | C.RECORD_FLAG_HTTP_1_0
const OF_STREAM = { requireManualDestroy: true }

class Hub {
  #sessions = new Sessions(this)
  #opening = null // a stream that the pump does not know yet
  #arriving = new Map() // connections over TLS that have not spoken, by id: { peer, text, session }

  /** `plan`: the meaning of the options, from options.js. */
  constructor (facade, plan) {
    stopAtExit()
    /** The Http2Server. */
    this.facade = facade
    this.pump = new Pump(this)
    /** The native server. */
    this.server = this.pump.server
    this.highWaterBytes = plan.highWaterBytes
    this.sessionWindow = plan.sessionWindow
    this.localSettings = plan.localSettings
    this.remoteCustomSettings = plan.remoteCustomSettings
    /** The settings of updateSettings, which new sessions are sent; null if there are none. */
    this.laterSettings = null
    this.maxOutstandingPings = plan.maxOutstandingPings
    this.maxOutstandingSettings = plan.maxOutstandingSettings
    this.maxSettings = plan.maxSettings
    this.maxInvalidFrames = plan.maxInvalidFrames
    this.maxHeaderBytes = plan.maxHeaderBytes
    /** Streams that the program has provided as connections, by the address that they have here. */
    this.given = new Map()
    /** Whether the server listens on an IPv6 socket, which accepts IPv4, too. */
    this.mapsAddresses = false
    this.closing = false
    /** Whether the native server has ended. */
    this.ended = false
    /** Pushed streams that the program has not received yet. For push.js. */
    this.promises = []
    /** The number of sessions with a timer, which activity of their streams resets. */
    this.timed = 0
    for (const [limit, value] of plan.limits) check(this.server.setLimit(limit, value))
    check(this.server.setPadding(plan.padding))
    check(this.server.setSettings(plan.customSettings))
    for (const [feature, enabled] of plan.features) check(this.server.setFeature(feature, enabled ? 1 : 0))
    if (plan.health !== undefined) setHealthPaths(this.server, plan.health)
    check(this.server.watch(C.WATCH_SESSIONS))
    for (const pattern of ['*', 'CONNECT *']) check(this.pump.route(pattern, (record) => this.#open(record)))
  }

  /** Serves on a duplicate of the listening socket. */
  start (place) {
    const { tls } = this.facade
    check(tls === undefined ? this.server.listen(place) : this.server.listenTls(place, nativeOf(tls)))
    check(this.server.start())
    this.server.ref()
  }

  close (drainMs, shutdownDelayMs = 0) {
    check(this.server.close(drainMs, shutdownDelayMs))
    this.closing = true
    this.server.ref() // for the report
  }

  get sessions () { return this.#sessions.values() }
  get count () { return this.#sessions.size + this.#arriving.size }
  session (id) { return this.#sessions.get(id) }
  forget (id) { this.#sessions.remove(id) }

  /** Ends the connections that have not become sessions. */
  abortArriving () {
    for (const id of this.#arriving.keys()) this.server.abortSession(id, NO_ERROR, NO_BYTES)
  }

  /** The streams of a session with an incomplete response. */
  streamsOf (id) {
    const streams = [...this.pump.sinks()]
    if (this.#opening !== null) streams.push(this.#opening)
    return streams.filter((stream) => stream.sessionId === id)
  }

  /**
   * Emits an event on `emitter`. An error of a listener is an uncaught exception of the program.
   */
  tell (emitter, ...event) {
    emitSafely(emitter, ...event)
  }

  #open (record) {
    if (this.#arriving.size > 0) this.#arrive(record.session, (record.flags & HTTP1) !== 0)
    const session = this.#sessions.get(record.session)
    // The session was destroyed: its GOAWAY says that this request was not processed.
    if (session === undefined) return null
    session.lastStream = record.code
    if ((record.flags & C.RECORD_FLAG_UPGRADE) !== 0 && this.facade.listenerCount('upgrade') > 0) {
      return this.#begun(new UpgradeLine(this, record, session), this.facade.onUpgrade, session)
    }
    if ((record.flags & HTTP1) !== 0) return this.#begun(new Http1Exchange(this, record, session), this.facade.onExchange, session)
    return this.#begun(new ServerHttp2Stream(this, record), this.facade.onStream, session)
  }

  #begun (stream, tell, session) {
    this.#opening = stream
    // In an async resource of its own: the context that a listener enters
    // (AsyncLocalStorage.enterWith) must not reach the streams that arrive in the same
    // turn.
    callListeners(() => new AsyncResource('HTTP2SERVERSTREAM', OF_STREAM).runInAsyncScope(tell, this.facade, stream, session))
    this.#opening = null
    return stream
  }

  onSession (record) { this.#sessions.take(record) }

  onAcceptFailed () {} // node:http2 has no event for it; the log says it

  onOpened ({ id, peer }) {
    if (this.facade.tls !== undefined) this.#arriving.set(id, { peer, text: null, session: null })
    else this.#begin(new ServerHttp2Session(this, id, peer))
  }

  onSessionEvent ({ kind, id, peer, text }, found, record) {
    if (kind === 'closed') this.#tellClosed(id, peer, record)
    if (this.#arriving.has(id)) this.#awaited(kind, id, text, record)
    const session = found ?? this.#sessions.get(id) // which may have just arrived
    if (session !== undefined) callListeners(() => EVENTS[kind]?.(session, text, record))
  }

  #begin (session) {
    this.#sessions.add(session)
    if (this.laterSettings !== null && !session.isHttp1) session.changeSettings(this.laterSettings)
    callListeners(() => this.facade.onSession(session))
  }

  // A TLS connection before HTTP: its SETTINGS make it a session.
  #awaited (kind, id, text, record) {
    if (kind === 'secured') return this.#secure(id)
    if (kind === 'settings') return this.#arrive(id, false)
    const arrival = this.#arriving.get(id)
    if (kind === 'error' || kind === 'frameError') arrival.text = text
    if (kind !== 'closed') return
    this.#arriving.delete(id)
    arrival.session?.onClosed()
    callListeners(() => this.facade.onLost(arrival.peer, native.causes[record.cause], arrival.text, arrival.session))
  }

  // The TLS handshake is complete: the program gets the socket now, and the session with
  // its first bytes.
  #secure (id) {
    const arrival = this.#arriving.get(id)
    if (arrival === undefined || arrival.session !== null) return
    arrival.session = new ServerHttp2Session(this, id, arrival.peer, native.tls(id) ?? {})
    callListeners(() => this.facade.onSecured(arrival.session))
  }

  // The protocol is known now.
  #arrive (id, isHttp1) {
    this.#secure(id) // if the loop was too busy to be told
    const arrival = this.#arriving.get(id)
    if (arrival === undefined) return
    this.#arriving.delete(id)
    if (arrival.session.destroyed) return
    arrival.session.isHttp1 = isHttp1
    this.#begin(arrival.session)
  }

  #tellClosed (id, peer, record) {
    if (this.facade.listenerCount('sessionClosed') === 0) return
    const details = { id, peer, cause: native.causes[record.cause] ?? 'unknown', outcome: native.outcomes[record.params] ?? 'unknown', code: record.code }
    this.tell(this.facade, 'sessionClosed', details)
  }

  onProgress () {}

  onClosed () {
    const report = Object.freeze(this.server.report() ?? {})
    this.server.unref()
    this.server.stop()
    this.ended = true
    for (const session of [...this.sessions]) session.onClosed()
    callListeners(() => this.facade.onClosed(this, report))
  }
}

const EVENTS = {
  __proto__: null,
  settings: (session, text) => session.onSettings(text),
  settingsAck: (session) => session.onSettingsAck(),
  ping: (session, text) => session.onPing(Buffer.from(text, 'latin1')),
  pong: (session, text) => session.onPong(Buffer.from(text, 'latin1')),
  unsolicitedAck: (session) => session.onUnsolicitedAck(),
  goaway: (session, text, record) => session.onGoaway(record.code, record.number, Buffer.from(text, 'latin1')),
  error: (session, text) => { session.lastError = text },
  frameError: (session, text) => session.onFrameError(text),
  closed: (session, text, record) => session.onClosed(closingError(session, record))
}

/** The error of a session that did not end gracefully; otherwise undefined. */
function closingError (session, record) {
  const cause = native.causes[record.cause]
  if (cause === 'protocol_error' || cause === 'flood') {
    const code = record.code || PROTOCOL_ERROR
    return protocolError(session.lastError || failure('ERR_HTTP2_SESSION_ERROR', code).message)
  }
  // As in Node.js, a peer that has announced its end may reset the connection.
  if (cause === 'connection_lost') return session.gotGoaway ? undefined : connectionLost()
  if (cause === 'internal') return new GoawayError('GOAWAY_ERR_PANIC', session.lastError ?? 'the session failed')
  return undefined
}

module.exports = { Hub }
