'use strict'

// The server as a program sees it: named, checked and explained here, done in
// core.js.

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

/** How frames are padded (goaway_padding in goaway.h). */
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
   * A server that does not run yet. `limits` and `features`: see setLimit and
   * setFeature. `queueRecords`: how many events may wait for the loop before the
   * sessions are held back (4096). `padding`: how frames of HTTP/2 are padded,
   * 'none', 'aligned' (to multiples of 8 bytes) or 'max' (by 256 bytes).
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
   * Has `handler(request)` called for each request that `pattern` matches, such
   * as 'GET /users/{id}', 'GET /files/{*rest}', '* /echo' or '*'. Before the start.
   */
  register (pattern, handler) {
    if (typeof handler !== 'function') throw new GoawayError('GOAWAY_ERR_INVALID', `the handler of "${pattern}" is no function`)
    this.#core.register(pattern, handler)
    return this
  }

  /** Sets a limit by its name in goaway.h, such as `idleMs` or `workers`. Before the start. */
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

  /** Turns a feature of goaway.h on or off, such as `http1`. Before the start. */
  setFeature (name, enabled) {
    const feature = featureOf(name, enabled)
    this.#core.expectAlive()
    check(this.#core.server.setFeature(feature, enabled ? 1 : 0))
    return this
  }

  /**
   * Trusts the proxies in `trusted` ('127.0.0.0/8,::1,unix') to say who the client of a
   * request is, in the header `fields` ('x-forwarded-for,x-forwarded-proto'): `peer`,
   * `scheme`, `authority` and `prefix` of a request are then what they say. Each is a
   * text or an array. Before the start.
   */
  setForwarded (options = {}) {
    this.#core.expectAlive()
    setForwarded(this.#core.server, options)
    return this
  }

  /**
   * Has the library respond to health checks itself, before the start: GET of `ready`
   * is 200 while the server is `ready`, otherwise 503; GET of `live` is 503 while
   * something has been waiting for the event loop for more than `stallMs` (10000),
   * otherwise 200.
   */
  setHealthPaths (paths) {
    this.#core.expectAlive()
    setHealthPaths(this.#core.server, paths)
    return this
  }

  /**
   * Listens on '127.0.0.1:8080', '[::1]:0', 'localhost:8080', 'unix:/run/app.sock',
   * 'systemd:', a port of 127.0.0.1, { host, port }, { path }, the socket { fd } or
   * those of the service manager that have a name, { systemd: 'web' } ('': all);
   * objects may have options, and `tls`, a Tls or its options. Repeatable; before
   * the start.
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

  /** Starts to serve; `bind` is an address as of `listen`, or several. */
  async start (options = {}) {
    const { bind } = checkOptions(options, ['bind'], 'start')
    for (const address of bind === undefined ? [] : [bind].flat()) this.listen(address)
    this.#core.start()
    return this
  }

  /** The port of the first socket that it listens on; 0 before `listen`. */
  get port () { return this.#ports[0] ?? 0 }

  /** The ports of all of them; 0 for a Unix socket. */
  get ports () { return [...this.#ports] }

  /** Where they listen: '127.0.0.1:8080', 'unix:/run/app.sock'. */
  get addresses () { return [...this.#addresses] }

  /**
   * A duplicate of that listening socket's descriptor, for a successor to listen
   * on ({ fd }) and for the caller to close. When this server closes it leaves
   * connections that wait to the successor, and a Unix socket's file where it is.
   */
  handOver (number = 0) {
    this.#core.expectAlive()
    if (!Number.isInteger(number) || number < 0 || number > 0xffffffff) throw new GoawayError('GOAWAY_ERR_INVALID', `${number} is no number of a listener`)
    const fd = this.#core.server.handOver(number)
    if (fd === -1) check(native.lastStatus())
    return fd
  }

  /** Whether it was started, does not close, and is not set to be unready. */
  get ready () { return this.#core.report === null && this.#core.server.isReady() }

  /** A step before a close that can be undone: only `ready` answers otherwise. */
  set ready (ready) {
    this.#core.expectAlive()
    check(this.#core.server.setReady(ready ? 1 : 0))
  }

  /**
   * Tells every peer, serves what is open for up to `drainMs` (5000), resets what
   * is left, and resolves with the report, at most one second later. With
   * `shutdownDelayMs` (0) it begins so much later: until then the server is not
   * `ready`, so that load balancers take it out, and serves as before. Again: a
   * later call can only shorten both times, and all get the same report.
   */
  async close (options = {}) {
    const { drainMs = DEFAULT_DRAIN_MS, shutdownDelayMs = 0 } = checkOptions(options, ['drainMs', 'shutdownDelayMs'], 'close')
    return this.#core.close(checkDrain(drainMs), checkDelay(shutdownDelayMs))
  }

  /** The report of the close; null until it is complete. */
  get report () { return this.#core.report }

  /**
   * What was refused since the start: { sessionsRefused, handshakesFailed,
   * proxiesRefused }. The log says why (setLog).
   */
  counts () { return this.#core.counts() }

  /** The figures of the live sessions, oldest first. */
  sessions () { return this.#core.server.sessions() }

  /** The session of that id, to be closed or aborted; throws GOAWAY_ERR_GONE if it has ended. */
  session (id) {
    const figures = this.#core.server.session(id)
    if (figures === undefined) throw new GoawayError('GOAWAY_ERR_GONE', `there is no session ${id}`)
    return this.#core.session(id, figures.peer)
  }

  /** The process goes on while the server does. So it is unless `unref` was called. */
  ref () { return this.#want(true) }

  /** The process may end although the server has not. */
  unref () { return this.#want(false) }

  #want (wanted) {
    this.#core.wanted = wanted
    this.#core.hold()
    return this
  }

  /** `await using server = ...` closes it. */
  async [DISPOSE] () { await this.close() }
}

module.exports = { Server }
