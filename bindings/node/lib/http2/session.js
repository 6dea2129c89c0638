'use strict'

// A session of node:http2 over one of the library.

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
/** For a session that is closed while its server is not: its streams have all the time (30 days). */
const UNBOUNDED_MS = 2592000000
const MAX_FRAME_TEXT = 16382
const WINDOW_MAX = 2147483647
const STREAM_MAX = 2147483647
const SETTING_BYTES = 6

/** A PING that is not answered; its callback runs where `ping` was called, for async_hooks. */
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

  /** `tls`: what its handshake has come to; null without. */
  constructor (hub, id, peer, tls = null) {
    super()
    this.#tls = tls
    /** Whether it is a connection of HTTP/1.1, which programs do not get as a session. */
    this.isHttp1 = false
    /** What serves it then, once it has asked for something. */
    this.http1 = null
    this.#hub = hub
    this.#peer = peer
    this.#local = hub.localSettings
    this.#window = hub.sessionWindow
    /** The session's id, as the library knows it. */
    this.id = id
    /** The number of the last stream that the peer began and the program got. */
    this.lastStream = 0
    /** What the library said last of an error. */
    this.lastError = null
  }

  // ---- what is known of it ----

  get type () { return constants.NGHTTP2_SESSION_SERVER }
  get server () { return this.#hub.facade }
  get encrypted () { return this.#tls !== null }
  get alpnProtocol () {
    return this.#tls === null ? 'h2c' : this.isHttp1 ? 'http/1.1' : 'h2'
  }

  /** Of a session over TLS: the origins that it is for, as far as is known (RFC 8336). */
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

  /** The figures of the library: peer, state, ageMs, openStreams, bytesIn, bytesOut, requests. */
  info () { return this.#hub.server.session(this.id) }

  /** The stream that the program gave as the connection, or what stands for the socket. */
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

  /** Addresses and times of its connection; to read and write it is refused. Undefined once it is unbound. */
  get socket () {
    if (this.#unbound) return undefined
    return this.#shown ?? (this.#shown = shown(this))
  }

  /** Whether it has let its socket go: when it is destroyed, behind its streams. */
  get unbound () { return this.#unbound }

  /** Whether its server shows addresses of IPv4 as those of IPv6, since it listens on both. */
  get mapsAddresses () { return this.#hub.mapsAddresses }

  /** The same object until they change, as `remoteSettings` too. */
  get localSettings () { return this.#shownLocal ?? (this.#shownLocal = { __proto__: null, ...this.#local }) }
  get remoteSettings () { return this.#shownRemote ?? (this.#shownRemote = { __proto__: null, ...this.#remote }) }
  /** Whether the peer has said that it leaves, so that it may break the connection. */
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

  // ---- what it does ----

  #expectOpen () {
    if (this.#destroyed) throw failure('ERR_HTTP2_INVALID_SESSION')
  }

  /** PING (RFC 9113, section 6.7): `callback(error, ms, payload)` when it is answered. */
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

  /** A GOAWAY frame (section 6.8), and nothing else. */
  goaway (code = NO_ERROR, lastStream = 0, data) {
    this.#expectOpen()
    if (data !== undefined) data = bytesOf(data, 'opaqueData')
    checkNumber(code, 'code')
    checkNumber(lastStream, 'lastStreamID')
    // node:http2's 0 is the last stream that was taken.
    this.#check('goaway', this.#hub.server.sendGoaway(this.id, code, lastStream || native.constants.LAST_TAKEN, data ?? NO_BYTES))
  }

  /** No new streams; ends when those there are have ended, or `drainMs` have passed if they are given. */
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

  /** Ends it now, with a GOAWAY of that code and text; goaway's own. */
  abort ({ code = NO_ERROR, debug = '' } = {}) {
    checkUint32(code, 'code')
    this.#hub.pump.flush()
    this.#check('abort', this.#hub.server.abortSession(this.id, code, Buffer.from(debug), this.lastStream))
  }

  /** Ends it now. Requests that the program has not got are refused, so that they can be sent again elsewhere. */
  destroy (error = NO_ERROR, code) {
    if (this.#destroyed) return
    if (typeof error === 'number') {
      code = error
      error = code !== NO_ERROR ? failure('ERR_HTTP2_SESSION_ERROR', code) : undefined
    }
    code ??= error === undefined || error === null ? NO_ERROR : INTERNAL_ERROR
    this.#destroyed = true
    this.#hub.pump.flush() // what is answered goes first
    for (const stream of this.#hub.streamsOf(this.id)) stream.fail(error, code)
    // Behind this turn, so that a server.close() in it knows of the session, and reports it.
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

  /** Answers that will not come; for the function below. */
  giveUp () {
    for (const ping of this.#pings.splice(0)) cancelled(ping)
    this.#acks = []
  }

  /** Times without activity: 'timeout', and without a listener the session's end. */
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

  /** Sends these SETTINGS; `callback(error, settings, ms)` when the peer has acknowledged them. */
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

  /** The same of what settings.js has looked at. For hub.js. */
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

  /** How much all its streams together may receive before it is consumed. */
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

  /** ALTSVC (RFC 7838): what the origin, or that stream's, is served by as well. */
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
    // About nothing, or a stream that cannot be: as in Node.js nobody is told.
    if ((stream === 0 && origin === '') || stream > STREAM_MAX) return
    this.#check('altsvc', this.#hub.server.sendAltsvc(this.id, stream, textsOf(origin, alt)))
  }

  /** ORIGIN (RFC 8336): what the session may be used for beside its own. */
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

  // ---- what the library tells ----

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

  /** The peer has broken the protocol on one stream, or as the session ends. */
  onFrameError (text) {
    this.lastError = text
    if (++this.#invalidFrames > this.#hub.maxInvalidFrames) this.destroy(tooManyInvalidFrames(), constants.NGHTTP2_ENHANCE_YOUR_CALM)
  }

  /** The peer has acknowledged what was not sent. */
  onUnsolicitedAck () { this.destroy(protocolError('Protocol error'), constants.NGHTTP2_PROTOCOL_ERROR) }

  onGoaway (code, lastStream, data) {
    this.#goaway = { code, lastStream }
    this.emit('goaway', code, lastStream, data.length > 0 ? data : undefined)
    if (code === NO_ERROR) this.close()
    else this.destroy(failure('ERR_HTTP2_SESSION_ERROR', code), NO_ERROR)
  }

  /** It has ended. `error` if it did not end in order. */
  onClosed (error) {
    if (!this.#destroyed) this.#end(error)
  }
}

/** Who is at the other end of a socket that the program gave, as the library writes it. */
function peerOf (socket) {
  if (socket?.remotePort === undefined) return undefined
  const { remoteAddress, remotePort } = socket
  return remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`
}

function abort (hub, id, code, lastStream) {
  if (!hub.ended) hub.server.abortSession(id, code, NO_BYTES, lastStream)
}

// As events of its own, after what ended it.
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

/** The ASCII origin of a URL's text, a URL, or an object that has one. */
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
