'use strict'

// The server that a program holds: it checks arguments. core.js does the work.

const { EventEmitter } = require('node:events')
const native = require('./native.js')
const { addressText } = require('./address.js')
const { Core } = require('./core.js')
const { checkOptions, LIMITS, FEATURES, featureOf } = require('./options.js')
const { GoawayError, check, checkDrain, checkDelay } = require('./errors.js')
const { setForwarded } = require('./forwarded.js')
const { setHealthPaths } = require('./health.js')
const { nativeOf } = require('./tls.js')

const DEFAULT_DRAIN_MS = 5000
const DISPOSE = Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')

/** The paddings of frames (goaway_padding in goaway.h). */
const PADDINGS = {
  __proto__: null,
  none: native.constants.PADDING_NONE,
  aligned: native.constants.PADDING_ALIGNED,
  max: native.constants.PADDING_MAX
}

const lost = new FinalizationRegistry((core) => core.lost())

class Server extends EventEmitter {
  #core
  #ports = []
  #addresses = []

  /**
   * A server that is not started. `limits` and `features`: see setLimit and setFeature.
   * `queueRecords`: how many events may wait for the event loop before the sessions are held back
   * (default 4096). `padding`: how HTTP/2 frames are padded, 'none', 'aligned' (to multiples of 8
   * bytes) or 'max' (by 256 bytes).
   */
  constructor (options = {}) {
    super()
    const { limits = {}, features = {}, queueRecords, padding = 'none' } = checkOptions(options, ['limits', 'features', 'queueRecords', 'padding'], 'a server')
    if (queueRecords !== undefined && !(Number.isInteger(queueRecords) && queueRecords > 0)) throw new GoawayError('GOAWAY_ERR_INVALID', `queueRecords is ${queueRecords}, not a whole number above 0`)
    if (PADDINGS[padding] === undefined) throw new GoawayError('GOAWAY_ERR_INVALID', `padding is ${String(padding)}, not ${Object.keys(PADDINGS).join(', ')}`)
    checkOptions(limits, Object.keys(LIMITS), 'the limits')
    checkOptions(features, Object.keys(FEATURES), 'the features')
    this.#core = new Core(this)
    lost.register(this, this.#core, this)
    for (const name of Object.keys(limits)) if (limits[name] !== undefined) this.setLimit(name, limits[name])
    for (const name of Object.keys(features)) if (features[name] !== undefined) this.setFeature(name, features[name])
    if (queueRecords !== undefined) check(this.#core.server.setQueueLimit(queueRecords))
    check(this.#core.server.setPadding(PADDINGS[padding]))
  }

  /**
   * Registers `handler(request)` for the requests that `pattern` matches, such as 'GET
   * /users/{id}', 'GET /files/{*rest}', '* /echo' or '*'. Before the start.
   */
  register (pattern, handler) {
    if (typeof handler !== 'function') throw new GoawayError('GOAWAY_ERR_INVALID', `the handler of "${pattern}" is no function`)
    this.#core.register(pattern, handler)
    return this
  }

  /** Sets a limit by its name, such as `idleMs` or `workers`. Before the start. */
  setLimit (name, value) {
    if (LIMITS[name] === undefined) throw new GoawayError('GOAWAY_ERR_INVALID', `there is no limit "${name}"; there are ${Object.keys(LIMITS).join(', ')}`)
    this.#core.expectAlive()
    if (!Number.isSafeInteger(value) || value < 0) throw new GoawayError('GOAWAY_ERR_INVALID', `the limit ${name} is ${value}, not a whole number`)
    if (name === 'sessionBodyBytes') throw new GoawayError('GOAWAY_ERR_INVALID', 'the limit sessionBodyBytes is about bodies that the library gathers, as it does for programs in C; here `request.bytes()` does, one body at a time: set bodyBytes')
    check(this.#core.server.setLimit(LIMITS[name], value))
    if (name === 'bodyBytes') this.#core.bodyBytes = value
    if (name === 'highWaterBytes') this.#core.highWaterBytes = value
    return this
  }

  /** Turns a feature on or off, such as `http1`. Before the start. */
  setFeature (name, enabled) {
    const feature = featureOf(name, enabled)
    this.#core.expectAlive()
    check(this.#core.server.setFeature(feature, enabled ? 1 : 0))
    return this
  }

  /**
   * Accepts what the proxies in `trusted` ('127.0.0.0/8,::1,unix') report about the client of a
   * request, in the header `fields` ('x-forwarded-for,x-forwarded-proto'). It replaces `peer`,
   * `scheme`, `authority` and `prefix` of the request. Each option is a text or an array. Before
   * the start.
   */
  setForwarded (options = {}) {
    this.#core.expectAlive()
    setForwarded(this.#core.server, options)
    return this
  }

  /**
   * Makes the library respond to health checks itself, before the start. GET of `ready` is 200
   * while the server is `ready`, otherwise 503. GET of `live` is 503 while something has been
   * waiting for the event loop for more than `stallMs` (default 10000), otherwise 200.
   */
  setHealthPaths (paths) {
    this.#core.expectAlive()
    setHealthPaths(this.#core.server, paths)
    return this
  }

  /**
   * Opens a listening socket: '127.0.0.1:8080', '[::1]:0', 'localhost:8080', 'unix:/run/app.sock',
   * 'systemd:', a port of 127.0.0.1, { host, port }, { path }, the socket { fd }, or the sockets of
   * the service manager with a name, { systemd: 'web' } ('': all). Objects may have options, and
   * `tls`, a Tls or its options. May be called several times, before the start.
   */
  listen (address) {
    this.#core.expectAlive()
    const text = addressText(address)
    const tls = address?.tls
    check(tls === undefined ? this.#core.server.listen(text) : this.#core.server.listenTls(text, nativeOf(tls)))
    this.#core.listening = true
    for (;;) {
      const address = this.#core.server.address(this.#addresses.length)
      if (address === undefined) break
      this.#ports.push(this.#core.server.port(this.#addresses.length))
      this.#addresses.push(address)
    }
    return this
  }

  /** Starts to serve. `bind` is an address as for `listen`, or an array of them. */
  async start (options = {}) {
    const { bind } = checkOptions(options, ['bind'], 'start')
    for (const address of bind === undefined ? [] : [bind].flat()) this.listen(address)
    this.#core.start()
    return this
  }

  /** The port of the first listener; 0 before `listen`. */
  get port () { return this.#ports[0] ?? 0 }

  /** The ports of all listeners; 0 for a Unix socket. */
  get ports () { return [...this.#ports] }

  /** The addresses of all listeners: '127.0.0.1:8080', 'unix:/run/app.sock'. */
  get addresses () { return [...this.#addresses] }

  /**
   * Duplicates the descriptor of a listening socket. A successor listens on it ({ fd }), and the
   * caller closes it. When this server closes, it leaves waiting connections and the file of a Unix
   * socket to the successor.
   */
  handOver (number = 0) {
    this.#core.expectAlive()
    if (!Number.isInteger(number) || number < 0 || number > 0xffffffff) throw new GoawayError('GOAWAY_ERR_INVALID', `${number} is no number of a listener`)
    const fd = this.#core.server.handOver(number)
    if (fd === -1) check(native.lastStatus())
    return fd
  }

  /** Whether the server was started, does not close, and was not set to be not ready. */
  get ready () { return this.#core.report === null && this.#core.server.isReady() }

  /** Sets the readiness flag, which only health checks read. It can be set back. */
  set ready (ready) {
    this.#core.expectAlive()
    check(this.#core.server.setReady(ready ? 1 : 0))
  }

  /**
   * Closes the server and resolves with the report. Every session is drained: open streams are
   * served for up to `drainMs` (default 5000), and then reset. The close is complete at most one
   * second later. With `shutdownDelayMs` (default 0) it begins so much later: until then the server
   * is not `ready`, so that load balancers take it out, and serves as before. A further call can
   * only shorten both times, and all calls get the same report.
   */
  async close (options = {}) {
    const { drainMs = DEFAULT_DRAIN_MS, shutdownDelayMs = 0 } = checkOptions(options, ['drainMs', 'shutdownDelayMs'], 'close')
    return this.#core.close(checkDrain(drainMs), checkDelay(shutdownDelayMs))
  }

  /** The report of the close; null before it is complete. */
  get report () { return this.#core.report }

  /**
   * What was refused since the start: { sessionsRefused, handshakesFailed, proxiesRefused }. The
   * log has the reasons (setLog).
   */
  counts () { return this.#core.counts() }

  /** The state of the live sessions, oldest first. */
  sessions () { return this.#core.server.sessions() }

  /** The session with this id. Throws GOAWAY_ERR_GONE if it has ended. */
  session (id) {
    const figures = this.#core.server.session(id)
    if (figures === undefined) throw new GoawayError('GOAWAY_ERR_GONE', `there is no session ${id}`)
    return this.#core.session(id, figures.peer)
  }

  /** Keeps the process alive while the server runs, which is the default. */
  ref () { return this.#want(true) }

  /** Lets the process end while the server runs. */
  unref () { return this.#want(false) }

  #want (wanted) {
    this.#core.wanted = wanted
    this.#core.hold()
    return this
  }

  /** `await using server = ...` closes the server. */
  async [DISPOSE] () { await this.close() }
}

module.exports = { Server }
