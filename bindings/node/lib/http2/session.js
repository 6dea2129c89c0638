'use strict'

// A session of node:http2, implemented by a session of the library.

const { AsyncResource } = require('node:async_hooks')
const { EventEmitter } = require('node:events')
const { constants } = require('node:http2')
const { inspect } = require('node:util')
const native = require('../native.js')
const { statusName, checkDrain, GoawayError } = require('../errors.js')
const { textsOf } = require('../session.js')
const { failure, protocolError, tooManyInvalidFrames, wrongType, outOfRange, checkFunction, checkNumber, checkUint32, checkOptions } = require('./errors.js')
const { changeTimer } = require('./timer.js')
const { SessionSocket, shown } = require('./socket.js')
const { SecureSocket } = require('./securesocket.js')
const { TunnelSocket, SecureTunnelSocket } = require('./tunnelsocket.js')
const settings = require('./settings.js')

const NO_BYTES = Buffer.alloc(0)
const NO_ERROR = constants.NGHTTP2_NO_ERROR
const INTERNAL_ERROR = constants.NGHTTP2_INTERNAL_ERROR
/**
 * The drain time of a session that is closed while the server runs: 30 days, so that its streams
 * can end.
 */
const UNBOUNDED_MS = 2592000000
const MAX_FRAME_TEXT = 16382
const WINDOW_MAX = 2147483647
const STREAM_MAX = 2147483647
const SETTING_BYTES = 6

/** An outstanding PING. Its callback runs in the async context of the call of `ping`. */
class Ping extends AsyncResource {
  constructor (payload, callback) {
    super('HTTP2PING')
    this.payload = payload
    this.callback = callback
    this.since = performance.now()
  }

  answer (error, payload) {
    if (error !== null) this.runInAsyncScope(this.callback, undefined, error)
    else this.runInAsyncScope(this.callback, undefined, null, performance.now() - this.since, payload)
    this.emitDestroy()
  }
}

function cancelled (ping) {
  ping.answer(failure('ERR_HTTP2_PING_CANCEL'), ping.payload)
}

class ServerHttp2Session extends EventEmitter {
  #hub
  #peer
  #tls
  #socket = null
  #shown = null
  #closed = false
  #destroyed = false
  #unbound = false
  #timer = null
  #remote = settings.initial()
  #local
  #shownRemote = null
  #shownLocal = null
  #pings = [] // { payload, since, callback } in the order in which they went
  #acks = [] // callbacks of settings() that wait
  #acked = false // the peer has acknowledged our first SETTINGS
  #goaway = null // { code, lastStream } of the peer's
  #window // bytes that the peer may send on all streams together
  #invalidFrames = 0

  /** `tls`: the result of the handshake; null without TLS. */
  constructor (hub, id, peer, tls = null) {
    super()
    this.#tls = tls
    /** Whether this is an HTTP/1.1 connection, which programs do not get as a session. */
    this.isHttp1 = false
    /** The handler of an HTTP/1.1 connection, after its first request. */
    this.http1 = null
    this.#hub = hub
    this.#peer = peer
    this.#local = hub.localSettings
    this.#window = hub.sessionWindow
    /** The id of the session in the C interface. */
    this.id = id
    /** The last stream of the peer that the program has received. */
    this.lastStream = 0
    /** The last error event of the library. */
    this.lastError = null
  }

  // ---- state ----

  get type () { return constants.NGHTTP2_SESSION_SERVER }
  get server () { return this.#hub.facade }
  get encrypted () { return this.#tls !== null }
  get alpnProtocol () {
    return this.#tls === null ? 'h2c' : this.isHttp1 ? 'http/1.1' : 'h2'
  }

  /** The origins of a TLS session, as far as they are known (RFC 8336). */
  get originSet () {
    if (!this.encrypted || this.#destroyed) return undefined
    const { servername, remoteAddress, remoteFamily, remotePort } = this.rawSocket
    const host = servername || (remoteFamily === 'IPv6' ? `[${remoteAddress}]` : remoteAddress)
    return [`https://${host}${remotePort === undefined ? '' : `:${remotePort}`}`]
  }

  get connecting () { return false }
  get closed () { return this.#closed }
  get destroyed () { return this.#destroyed }
  get goawayCode () { return this.#goaway?.code ?? NO_ERROR }
  get goawayLastStreamID () { return this.#goaway?.lastStream ?? 0 }
  get #pendingSettings () { return (this.#acked ? 0 : 1) + this.#acks.length }
  get pendingSettingsAck () { return this.#pendingSettings > 0 }

  /** The state in the library: peer, state, ageMs, openStreams, bytesIn, bytesOut, requests. */
  info () { return this.#hub.server.session(this.id) }

  /** The stream that the program has provided as the connection, or the stand-in for the socket. */
  get rawSocket () {
    return this.#socket ?? (this.#socket = this.#newSocket())
  }

  #newSocket () {
    const given = this.#hub.given.get(this.#peer)
    if (this.#tls !== null) return new SecureSocket(this, peerOf(given) ?? this.#peer, this.#tls, this.#hub.facade.asksClients)
    return given ?? new SessionSocket(this, this.#peer)
  }

  /** A socket for a tunnel through this connection. For upgrade.js. */
  newTunnelSocket () {
    if (this.#tls === null) return new TunnelSocket(this, this.#peer)
    return new SecureTunnelSocket(this, this.#peer, this.#tls, this.#hub.facade.asksClients)
  }

  /**
   * The addresses and times of the connection. Reading and writing are refused. Undefined after the
   * socket was unbound.
   */
  get socket () {
    if (this.#unbound) return undefined
    return this.#shown ?? (this.#shown = shown(this))
  }

  /** Whether the socket was unbound: after the session and its streams were destroyed. */
  get unbound () { return this.#unbound }

  /** Whether IPv4 addresses are shown as IPv6 addresses, because the server listens on both. */
  get mapsAddresses () { return this.#hub.mapsAddresses }

  /** The same object until the settings change, like `remoteSettings`. */
  get localSettings () { return this.#shownLocal ?? (this.#shownLocal = { __proto__: null, ...this.#local }) }
  get remoteSettings () { return this.#shownRemote ?? (this.#shownRemote = { __proto__: null, ...this.#remote }) }
  /** Whether the peer has announced its end, so that it may reset the connection. */
  get gotGoaway () { return this.#goaway !== null }
  get takesPush () { return this.#remote.enablePush && this.#goaway === null && !this.#closed }
  get streamWindow () { return this.#local.initialWindowSize }

  get state () {
    if (this.#destroyed) return {}
    return {
      effectiveLocalWindowSize: this.#window,
      effectiveRecvDataLength: 0,
      nextStreamID: 2,
      localWindowSize: this.#window,
      lastProcStreamID: this.lastStream,
      remoteWindowSize: settings.initial().initialWindowSize,
      outboundQueueSize: 0,
      deflateDynamicTableSize: 0,
      inflateDynamicTableSize: 0
    }
  }

  // ---- calls ----

  #expectOpen () {
    if (this.#destroyed) throw failure('ERR_HTTP2_INVALID_SESSION')
  }

  /**
   * Sends a PING (RFC 9113, section 6.7). `callback(error, ms, payload)` is called with its
   * acknowledgement.
   */
  ping (payload, callback) {
    this.#expectOpen()
    if (typeof payload === 'function') {
      callback = payload
      payload = undefined
    }
    if (payload !== undefined) payload = bytesOf(payload, 'payload')
    if (payload !== undefined && payload.length !== 8) throw failure('ERR_HTTP2_PING_LENGTH')
    checkFunction(callback, 'callback')
    if (payload === undefined) {
      payload = Buffer.alloc(8)
      payload.writeDoubleLE(performance.now())
    }
    const sent = this.#pings.length < this.#hub.maxOutstandingPings &&
      this.#hub.server.ping(this.id, payload) === 0
    const ping = new Ping(payload, callback)
    if (!sent) {
      process.nextTick(cancelled, ping)
      return false
    }
    this.#pings.push(ping)
    return true
  }

  /** Sends a GOAWAY frame (section 6.8), without further effect. */
  goaway (code = NO_ERROR, lastStream = 0, data) {
    this.#expectOpen()
    if (data !== undefined) data = bytesOf(data, 'opaqueData')
    checkNumber(code, 'code')
    checkNumber(lastStream, 'lastStreamID')
    // 0 stands for the last accepted stream in node:http2.
    this.#check('goaway', this.#hub.server.sendGoaway(this.id, code, lastStream || native.constants.LAST_TAKEN, data ?? NO_BYTES))
  }

  /**
   * Accepts no new streams. The session ends when its open streams have ended, or after `drainMs`,
   * if that is given.
   */
  close (options, callback) {
    if (typeof options === 'function') {
      callback = options
      options = undefined
    }
    const drainMs = options?.drainMs === undefined ? UNBOUNDED_MS : checkDrain(options.drainMs)
    if (this.#destroyed || (this.#closed && drainMs === UNBOUNDED_MS)) return
    this.#closed = true
    if (typeof callback === 'function') this.once('close', AsyncResource.bind(callback))
    this.#hub.server.closeSession(this.id, drainMs)
  }

  /** Ends the session now, with a GOAWAY with this code and text. An addition of goaway. */
  abort ({ code = NO_ERROR, debug = '' } = {}) {
    checkUint32(code, 'code')
    this.#hub.pump.flush()
    this.#check('abort', this.#hub.server.abortSession(this.id, code, Buffer.from(debug), this.lastStream))
  }

  /**
   * Ends the session now. Requests that the program has not received are refused, so that the
   * client can send them again elsewhere.
   */
  destroy (error = NO_ERROR, code) {
    if (this.#destroyed) return
    if (typeof error === 'number') {
      code = error
      error = code !== NO_ERROR ? failure('ERR_HTTP2_SESSION_ERROR', code) : undefined
    }
    code ??= error === undefined || error === null ? NO_ERROR : INTERNAL_ERROR
    this.#destroyed = true
    this.#hub.pump.flush() // responses that were written are sent first
    for (const stream of this.#hub.streamsOf(this.id)) stream.fail(error, code)
    // After this turn, so that a server.close() in it includes the session in its report.
    process.nextTick(abort, this.#hub, this.id, code, this.lastStream)
    this.#end(error)
  }

  #end (error) {
    this.#destroyed = true
    this.#unbound = true
    this.#hub.forget(this.id)
    this.#timer?.clear()
    if (this.#timer !== null) this.#hub.timed--
    this.#timer = null
    if (this.#socket instanceof SessionSocket) this.#socket.gone()
    process.nextTick(ended, this, error)
  }

  /** Outstanding callbacks of a session that has ended. For the function below. */
  giveUp () {
    for (const ping of this.#pings.splice(0)) cancelled(ping)
    this.#acks = []
  }

  /**
   * Sets the time without activity after which 'timeout' is emitted. Without a listener the session
   * ends.
   */
  setTimeout (ms, callback) {
    if (this.#destroyed) return this
    const before = this.#timer
    this.#timer = changeTimer(this, before, ms, callback)
    this.#hub.timed += (this.#timer !== null) - (before !== null)
    return this
  }

  _onTimeout () { this.emit('timeout') }

  active () { this.#timer?.refresh() }

  ref () {}
  unref () {}

  /** Sends SETTINGS. `callback(error, settings, ms)` is called with their acknowledgement. */
  settings (changes, callback) {
    this.#expectOpen()
    checkOptions(changes, 'settings')
    settings.check(changes ?? {})
    if (callback !== undefined) {
      checkFunction(callback, 'callback')
      callback = AsyncResource.bind(callback)
    }
    if (this.#pendingSettings >= this.#hub.maxOutstandingSettings) return this.destroy(failure('ERR_HTTP2_MAX_PENDING_SETTINGS_ACK'))
    this.changeSettings(settings.resolve(changes), callback)
  }

  /** The same for settings that settings.js has checked. For hub.js. */
  changeSettings (wanted, callback) {
    const since = performance.now()
    this.#check('settings', this.#hub.server.sendSettings(this.id, settings.packed(wanted)))
    this.#acks.push(() => {
      this.#local = settings.changed(this.#local, wanted)
      this.#shownLocal = null
      callback?.(null, this.localSettings, performance.now() - since)
      this.emit('localSettings', this.localSettings)
    })
  }

  /** Sets how much all streams together may receive before it is consumed. */
  setLocalWindowSize (bytes) {
    this.#expectOpen()
    if (typeof bytes !== 'number') throw wrongType('windowSize', 'number', bytes)
    if (!Number.isInteger(bytes)) throw outOfRange('windowSize', 'an integer', bytes)
    if (bytes < 0 || bytes > WINDOW_MAX) throw outOfRange('windowSize', `>= 0 && <= ${WINDOW_MAX}`, bytes)
    this.#check('setLocalWindowSize', this.#hub.server.setWindow(this.id, bytes, 0))
    this.#window = bytes
  }

  setNextStreamID (id) {
    this.#expectOpen()
    if (typeof id !== 'number') throw wrongType('id', 'number', id)
    if (id <= 0 || id > 4294967295) throw outOfRange('id', '> 0 and <= 4294967295', id)
    throw failure('ERR_METHOD_NOT_IMPLEMENTED', 'setNextStreamID')
  }

  /**
   * Sends an ALTSVC frame (RFC 7838): an alternative service for an origin, or for the origin of a
   * stream.
   */
  altsvc (alt, originOrStream) {
    this.#expectOpen()
    let origin = ''
    let stream = 0
    if (typeof originOrStream === 'number') {
      stream = originOrStream
      if (stream >>> 0 !== stream || stream === 0) throw outOfRange('originOrStream', '> 0 && < 4294967296', originOrStream)
    } else if (originOrStream !== undefined) {
      origin = originOf(originOrStream, 'ERR_HTTP2_ALTSVC_INVALID_ORIGIN', 'originOrStream')
    }
    if (typeof alt !== 'string') throw wrongType('alt', 'string', alt)
    if (!/^[\t\x20-\x5b\x5d-\x7e]*$/.test(alt)) throw failure('ERR_INVALID_CHAR', 'alt')
    if (origin.length + alt.length > MAX_FRAME_TEXT) throw failure('ERR_HTTP2_ALTSVC_LENGTH')
    // Without an origin, or for an impossible stream, nothing is reported, as in Node.js.
    if ((stream === 0 && origin === '') || stream > STREAM_MAX) return
    this.#check('altsvc', this.#hub.server.sendAltsvc(this.id, stream, textsOf(origin, alt)))
  }

  /** Sends an ORIGIN frame (RFC 8336): the other origins for which the session may be used. */
  origin (...origins) {
    this.#expectOpen()
    if (origins.length === 0) return
    const list = origins.map((origin) => originOf(origin, 'ERR_HTTP2_INVALID_ORIGIN', 'origins'))
    if (list.reduce((length, origin) => length + origin.length + 2, 0) > MAX_FRAME_TEXT) throw failure('ERR_HTTP2_ORIGIN_LENGTH')
    this.#check('origin', this.#hub.server.sendOrigin(this.id, textsOf(...list)))
  }

  [inspect.custom] (depth, options) {
    if (depth < 0) return this
    const { type, closed, destroyed, state, localSettings, remoteSettings } = this
    return `ServerHttp2Session ${inspect({ type, closed, destroyed, state, localSettings, remoteSettings }, { ...options, depth })}`
  }

  #check (what, status) {
    if (status === 0) return
    const code = statusName(status)
    if (code === 'GOAWAY_ERR_GONE') return // it ends at this moment
    throw new GoawayError(code, `${what}: ${native.lastError()}`)
  }

  // ---- events of the library ----

  onSettings (payload) {
    if (payload.length > this.#hub.maxSettings * SETTING_BYTES) {
      return this.destroy(failure('ERR_HTTP2_SESSION_ERROR', constants.NGHTTP2_ENHANCE_YOUR_CALM), constants.NGHTTP2_ENHANCE_YOUR_CALM)
    }
    settings.update(this.#remote, payload, this.#hub.remoteCustomSettings)
    this.#shownRemote = null
    this.emit('remoteSettings', this.remoteSettings)
  }

  onSettingsAck () {
    if (!this.#acked) {
      this.#acked = true
      this.emit('localSettings', this.localSettings)
    } else {
      const told = this.#acks.shift()
      if (!this.#destroyed) told?.()
    }
  }

  onPing (payload) { this.emit('ping', payload) }

  onPong (payload) {
    const at = this.#pings.findIndex((ping) => payload.equals(ping.payload))
    if (at < 0) return
    this.#pings.splice(at, 1)[0].answer(null, payload)
  }

  /** A protocol error of the peer on one stream, or at the end of the session. */
  onFrameError (text) {
    this.lastError = text
    if (++this.#invalidFrames > this.#hub.maxInvalidFrames) this.destroy(tooManyInvalidFrames(), constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  /** The peer has acknowledged a frame that was not sent. */
  onUnsolicitedAck () { this.destroy(protocolError('Protocol error'), constants.NGHTTP2_PROTOCOL_ERROR) }

  onGoaway (code, lastStream, data) {
    this.#goaway = { code, lastStream }
    this.emit('goaway', code, lastStream, data.length > 0 ? data : undefined)
    if (code === NO_ERROR) this.close()
    else this.destroy(failure('ERR_HTTP2_SESSION_ERROR', code), NO_ERROR)
  }

  /** The session has ended. `error` is set if the end was not graceful. */
  onClosed (error) {
    if (!this.#destroyed) this.#end(error)
  }
}

/** The peer of a connection that the program has provided, in the form of the library. */
function peerOf (socket) {
  if (socket?.remotePort === undefined) return undefined
  const { remoteAddress, remotePort } = socket
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`
}

function abort (hub, id, code, lastStream) {
  if (!hub.ended) hub.server.abortSession(id, code, NO_BYTES, lastStream)
}

// As separate events, after the event that has ended it.
function ended (session, error) {
  session.giveUp()
  if (error) {
    if (session.listenerCount('error') > 0) session.emit('error', error)
    if (!session.isHttp1) session.server.emit('sessionError', error, session)
  }
  session.emit('close')
}

function bytesOf (data, name) {
  if (!ArrayBuffer.isView(data)) throw wrongType(name, ['Buffer', 'TypedArray', 'DataView'], data)
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

/** The ASCII origin of the text of a URL, a URL, or an object with an origin. */
function originOf (value, code, name) {
  let origin
  if (typeof value === 'string') {
    origin = new URL(value).origin
  } else {
    if (value === null || typeof value !== 'object') throw wrongType(name, ['string', 'URL', 'Object'], value)
    origin = value.origin
  }
  if (typeof origin !== 'string') throw wrongType(name, 'string', origin)
  if (origin === 'null' || origin.length === 0) throw failure(code)
  return origin
}

module.exports = { ServerHttp2Session }
