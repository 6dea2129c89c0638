'use strict'

// The server of node:http2, implemented by the library.

const { AsyncResource } = require('node:async_hooks')
const cluster = require('node:cluster')
const net = require('node:net')
const { checkDrain, checkDelay } = require('../errors.js')
// For its checks of options.
const { createServer: createNodeServer } = require('./original.js')
const { failure, checkOptions, checkFunction } = require('./errors.js')
const { bind } = require('./bind.js')
const { bridge } = require('./bridge.js')
const { SessionSocket } = require('./socket.js')
const { planOf } = require('./options.js')
const settings = require('./settings.js')
const { onStream } = require('./compat.js')
const { Http1Connection, reject } = require('./http1.js')
const { Hub } = require('./hub.js')
const channels = require('./channels.js')
const { isPlain, isObserved } = require('./observed.js')

const DRAIN_MS = 5000
const DISPOSE = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')
/** The events of the compatibility API. */
const COMPATIBLE = new Set(['request', 'checkContinue', 'checkExpectation', 'connect'])

/** A port that only accepts connections which this process makes itself. */
const PRIVATE = [{ port: 0, host: '127.0.0.1', exclusive: true }]

/** The servers of a worker of the cluster module. They close when it is disconnected. */
const ofWorker = new Set()
let waitsForDisconnect = false

function closeWithWorker (server) {
  if (!cluster.isWorker) return
  ofWorker.add(server)
  if (waitsForDisconnect) return
  waitsForDisconnect = true
  process.once('disconnect', () => { for (const server of ofWorker) server.close() })
}

class Http2Server extends net.Server {
  #options
  #hub = null // while it listens or closes
  #address = null
  #source = null // a net.Server whose connections another process accepts
  #unbind = null // while a name is resolved
  #closing = false
  #isPrivate = false // it serves only connections that the program gave
  #wanted = true // the program has not called unref
  #compatible = null // the listener of 'stream' that serves the compatibility API, once somebody listens to that

  /** `check` throws for invalid options. */
  constructor (options, onRequest, check = createNodeServer) {
    if (typeof options === 'function' && check === createNodeServer) {
      onRequest = options
      options = {}
    }
    check(options)
    super({ allowHalfOpen: options?.allowHalfOpen === true }) // which sockets show
    this.#options = { ...options }
    planOf(this.#options, this) // throws what it throws
    this.timeout = 0
    /** How long close() lets open streams continue, in milliseconds. */
    this.drainMs = checkDrain(options?.drainMs ?? Number(process.env.GOAWAY_DRAIN_MS || DRAIN_MS))
    /** How long close() waits before it begins, not ready, in milliseconds. */
    this.shutdownDelayMs = checkDelay(options?.shutdownDelayMs ?? 0)
    /** The report of the close; null before it is complete. */
    this.report = null
    this.on('newListener', noteCompatible)
    if (typeof onRequest === 'function') this.on('request', onRequest)
    this.on('connection', given)
  }

  // ---- listening ----

  listen (...args) {
    if ((this.#hub !== null && !this.#isPrivate) || this.#unbind !== null) throw failure('ERR_SERVER_ALREADY_LISTEN')
    if (this.#isPrivate) this.#hub.close(this.drainMs) // what it serves goes on, for so long
    const last = args[args.length - 1]
    if (typeof last === 'function') {
      args.pop()
      this.once('listening', last)
    }
    const signal = args[0]?.signal
    const unbind = bind(args, (place, address, source) => this.#start(place, address, source), (error) => {
      this.#unbind = null
      this.emit('error', error)
    })
    if (this.#hub === null) this.#unbind = unbind
    if (signal !== undefined) signal.addEventListener('abort', () => this.close(), { once: true })
    return this
  }

  #serve (place, address) {
    const hub = new Hub(this, planOf(this.#options, this))
    hub.mapsAddresses = address?.family === 'IPv6'
    hub.start(place)
    this.#hub = hub
    this.#address = address
    this.#closing = false
    this.report = null
    return hub
  }

  #start (place, address, source) {
    this.#unbind = null
    if (place === null) return this.#startPrivate(source, address)
    this.#isPrivate = false
    this.#begun(this.#serve(place, address))
  }

  // Another process accepts connections. They are carried to a port of this process.
  #startPrivate (source, address) {
    const unbind = bind(PRIVATE, (place, ownAddress) => {
      this.#unbind = null
      const hub = this.#serve(place, ownAddress)
      this.#isPrivate = false
      this.#address = address
      this.#source = source
      source.on('connection', (socket) => bridge(socket, hub, ownAddress))
      this.#closeWith(source)
      this.#begun(hub)
    }, (error) => {
      this.#unbind = null
      source.close()
      this.emit('error', error)
    })
    if (this.#hub !== null) return
    this.#unbind = () => {
      unbind()
      source.close()
    }
  }

  // The cluster module closes it when the worker is disconnected, and waits for its
  // connections, which end when this server closes.
  #closeWith (source) {
    const { close } = source
    source.close = (callback) => {
      source.close = close
      source.close(callback)
      if (this.#source === source) this.close()
      return source
    }
  }

  #begun (hub) {
    if (!this.#wanted) hub.server.unref()
    closeWithWorker(this)
    process.nextTick(() => { if (this.#hub === hub && !this.#closing) this.emit('listening') })
  }

  get listening () { return this.#hub !== null && !this.#closing && !this.#isPrivate }

  /**
   * Serves a connection that the program provides. Its bytes are carried through a local connection
   * to this server, or to a private port of 127.0.0.1 if it does not listen.
   */
  serveGiven (stream) {
    if (this.#hub !== null) return bridge(stream, this.#hub, this.#address)
    if (this.#unbind !== null) return void this.once('listening', () => this.serveGiven(stream))
    bind(PRIVATE, (place, address) => {
      this.#isPrivate = true
      const hub = this.#serve(place, address)
      hub.server.unref() // the connections keep the loop
      bridge(stream, hub, address)
    }, (error) => this.emit('error', error))
  }

  /** Whether the server uses TLS. */
  get isSecure () { return false }

  address () { return this.listening ? this.#address : null }

  ref () {
    this.#wanted = true
    this.#hub?.server.ref()
    return this
  }

  unref () {
    this.#wanted = false
    if (!this.#closing) this.#hub?.server.unref()
    return this
  }

  getConnections (callback) {
    process.nextTick(callback, null, this.#hub?.count ?? 0)
    return this
  }

  // ---- timeouts and settings ----

  /**
   * Sets after which time without activity a session emits 'timeout' here. Without a listener the
   * session ends.
   */
  setTimeout (ms, callback) {
    this.timeout = ms
    if (callback !== undefined) {
      checkFunction(callback, 'callback')
      this.on('timeout', callback)
    }
    return this
  }

  /**
   * Changes the settings of new sessions. Until the next listen, the change is sent in a second
   * SETTINGS frame.
   */
  updateSettings (changes) {
    if (changes === undefined || changes === null || typeof changes !== 'object') checkOptions(changes ?? null, 'settings')
    settings.check(changes)
    const wanted = settings.resolve(changes)
    const later = settings.changed(this.#options.settings, wanted)
    planOf({ ...this.#options, settings: later }, this) // throws what it throws
    this.#options.settings = later
    if (this.#hub !== null) this.#hub.laterSettings = settings.changed(this.#hub.laterSettings, wanted)
  }

  // ---- closing ----

  /**
   * Closes the server: stops listening, drains every session, serves open streams for up to
   * `drainMs`, and resets the rest. 'close' is emitted at most one second later, and `report`
   * counts every session. With `shutdownDelayMs` all of this begins so much later, and `ready` is
   * false until then. A further call can only shorten the times.
   */
  close (options, callback) {
    if (typeof options === 'function') {
      callback = options
      options = undefined
    }
    if (this.#unbind !== null) return this.#closeUnbound(callback)
    if (this.#hub === null) return super.close(callback)
    const drainMs = checkDrain(options?.drainMs ?? this.drainMs)
    // A further call with a drain time only: the delay ends.
    const shutdownDelayMs = checkDelay(options?.shutdownDelayMs ?? (this.#closing ? 0 : this.shutdownDelayMs))
    if (typeof callback === 'function') {
      const wasClosing = this.#closing
      this.once('close', AsyncResource.bind(() => wasClosing ? callback(failure('ERR_SERVER_NOT_RUNNING')) : callback()))
    }
    if (!this.#closing || options?.drainMs !== undefined || options?.shutdownDelayMs !== undefined) {
      this.#closing = true
      const source = this.#source
      this.#source = null
      source?.close()
      this.#hub.close(drainMs, shutdownDelayMs)
    }
    return this
  }

  /** Whether the server listens and does not close, for health checks. */
  get ready () { return this.#hub !== null && this.#hub.server.isReady() }

  #closeUnbound (callback) {
    this.#unbind()
    this.#unbind = null
    return super.close(typeof callback === 'function' ? () => callback() : undefined)
  }

  onClosed (hub, report) {
    if (this.#hub !== hub) return
    this.#hub = null
    this.#closing = false
    ofWorker.delete(this)
    this.report = report
    this.emit('close')
  }

  /** Ends the sessions that have no open stream. */
  closeIdleConnections () {
    this.#soon((session) => { if (!this.#closing && session.info()?.openStreams === 0) session.close() })
  }

  // Programs call these before close(), whose report then includes the sessions. close()
  // ends all of them gracefully itself, in time.
  #soon (act) {
    process.nextTick(() => {
      for (const session of [...this.#hub?.sessions ?? []]) act(session)
    })
  }

  /** Ends all sessions in this turn of the event loop. The server continues. */
  closeAllConnections () {
    this.#soon((session) => session.destroy())
    process.nextTick(() => this.#hub?.abortArriving())
  }

  /** Ends each session when its streams have ended. The server continues. */
  closeHttp2Sessions () {
    this.#soon((session) => { if (!this.#closing) session.close() })
  }

  /** The live sessions. */
  get sessions () { return [...this.#hub?.sessions ?? []] }

  async [DISPOSE] () {
    if (this.#hub === null) return
    await new Promise((resolve, reject) => this.close((error) => error ? reject(error) : resolve()))
  }

  // An async listener has failed (events.captureRejections).
  [Symbol.for('nodejs.rejection')] (error, event, ...args) {
    if (event === 'stream') return rejectStream(args[0], error)
    if (event === 'request') return args[1].stream === undefined ? reject(args[1], error) : rejectStream(args[1].stream, error, args[1])
    this.emit('error', error)
  }

  /** From now on, streams also become requests and responses. */
  serveCompatible () {
    this.#compatible = (stream) => onStream(this, stream, this.#options)
    this.on('stream', this.#compatible)
  }

  // ---- calls of the hub ----

  onSession (session) {
    if (session.isHttp1) return
    if (this.timeout) {
      session.setTimeout(this.timeout)
      session.on('timeout', sessionTimeout)
    }
    if (!session.encrypted) this.#onConnection(session)
    if (session.isHttp1) return
    if (Array.isArray(this.#options.origins)) session.origin(...this.#options.origins)
    this.emit('session', session)
    if (session.listenerCount('connect') > 0) session.emit('connect', session, session.rawSocket)
  }

  // Whether the program listens, in addition to `given`.
  #onConnection (session) {
    if (isObserved(this, 'connection', 1)) this.emit('connection', session.rawSocket)
  }

  /** A TLS handshake is complete. The session is emitted with the first bytes of its client. */
  onSecured (session) {
    this.#onConnection(session)
    this.emit('secureConnection', session.rawSocket)
  }

  onStream (stream, session) {
    if (channels.created.hasSubscribers) channels.created.publish({ stream, headers: stream.requestHeaders })
    if (channels.started.hasSubscribers) channels.started.publish({ stream, headers: stream.requestHeaders })
    const ofSession = isObserved(session, 'stream')
    if (!ofSession && this.#isOnlyCompatible()) return onStream(this, stream, this.#options)
    const headers = stream.requestHeaders
    const flags = stream.requestFlags
    const raw = stream.rawRequestHeaders
    if (ofSession) session.emit('stream', stream, headers, flags, raw)
    this.emit('stream', stream, headers, flags, raw)
  }

  // Whether only the compatibility API listens to 'stream', which ignores the arguments
  // of the event.
  #isOnlyCompatible () {
    return this.#compatible !== null && this._events?.stream === this.#compatible && isPlain(this)
  }

  /** A connection for another protocol, which has a listener. */
  onUpgrade (line) {
    this.emit('upgrade', line.request, line.socket, Buffer.alloc(0))
  }

  /** An HTTP/1.1 request, which node:http emits itself. */
  onExchange (exchange, session) {
    if (this.#compatible === null) return exchange.refuse(505)
    if (exchange.method === 'CONNECT' && this.listenerCount('connect') === 0) return exchange.refuse(405)
    if (!exchange.isKnown) return exchange.refuse(400)
    session.http1 ??= new Http1Connection(this, session)
    session.http1.begin(exchange)
  }
}

function rejectStream (stream, error, response) {
  if (stream.headersSent || stream.destroyed || stream.closed) return void stream.destroy(error)
  for (const name of response?.getHeaderNames() ?? []) response.removeHeader(name)
  stream.respond({ ':status': 500 })
  stream.end()
}

// A listener on 'connection', which a program emits with a connection of its own.
function given (socket) {
  if (!(socket instanceof SessionSocket)) this.serveGiven(socket)
}

function noteCompatible (event) {
  if (!COMPATIBLE.has(event)) return
  this.off('newListener', noteCompatible)
  this.serveCompatible()
}

function sessionTimeout () {
  if (this.destroyed || this.closed) return
  if (!this.server.emit('timeout', this)) this.destroy()
}

module.exports = { Http2Server }
