// goaway for Node.js: an HTTP server that knows how to leave. Times are in milliseconds,
// lengths in bytes, and ids are numbers. A call that fails throws a GoawayError; a stale
// id is GOAWAY_ERR_GONE. A client that has left is no error: calls for its request or
// session have no effect, and return false.

import { EventEmitter } from 'node:events'
import { Duplex } from 'node:stream'

/** The version of the native library, such as "0.1.0". */
export const version: string

/** The value of a field, or of several fields with one name. */
export type FieldValue = string | number | bigint | readonly (string | number | bigint)[]

/**
 * Header or trailer fields: an object of names and values, a flat list of them, or pairs in an
 * array or another iterable, such as a Map, a Headers object or `Object.entries`. Names are sent in
 * lower case. Each character of a value up to U+00FF is one byte. Fields that HTTP does not allow
 * throw GOAWAY_ERR_INVALID: a control character, white space at an end of a value, a
 * connection-specific field.
 */
export type Fields =
  | { readonly [name: string]: FieldValue }
  | readonly FieldValue[]
  | Iterable<readonly [string, FieldValue]>

/** A piece of a body: a string is sent as UTF-8. */
export type Data = string | Uint8Array

/** Options of a listening socket; see `goaway_server_listen` of the C header. */
export interface SocketOptions {
  /** The certificates, if connections use TLS. */
  tls?: Tls | TlsOptions
  /**
   * The senders of PROXY headers: addresses and networks such as '10.0.0.0/8', 'unix', or '*'.
   * Connections must then begin with such a header.
   */
  proxy?: string | string[]
  /** How long to wait for that header. Default 5000. */
  proxyMs?: number
  /**
   * Whether this socket serves only health checks (setHealthPaths). Its connections do not count
   * against the limits on sessions. Default false.
   */
  health?: boolean
}

/** Options of a socket that the server opens itself. */
export interface OwnSocketOptions extends SocketOptions {
  /** How many connections may wait in the kernel. Default 1024. */
  backlog?: number
}

/** Options of a TCP socket. keepalive is in seconds. */
export interface TcpOptions extends OwnSocketOptions {
  host?: string
  port?: number
  reusePort?: boolean
  ipv6Only?: boolean
  keepalive?: number
  keepaliveInterval?: number
  keepaliveCount?: number
}

/** A Unix socket. `mode`: its permissions, such as 0o660; by default those of the umask. */
export interface UnixOptions extends OwnSocketOptions {
  path: string
  mode?: number
}

/**
 * Sockets of the service manager (socket activation): those with this name, or all of them for ''.
 */
export interface ActivatedOptions extends SocketOptions {
  systemd: string
}

/**
 * Where to listen: '127.0.0.1:8080', '[::1]:0', 'localhost:80', 'unix:/run/app.sock', 'systemd:',
 * each with options after a '?'; or a port of 127.0.0.1; or an object.
 */
export type Address = string | number | TcpOptions | UnixOptions | SocketOptions & { fd: number } | ActivatedOptions

type Pem = string | Uint8Array
type PemKey = Pem | { pem: Pem, passphrase?: string }

export interface TlsOptions {
  /** A certificate and its chain, in PEM. An array has several certificates, which SNI selects. */
  cert?: Pem | Pem[]
  /**
   * The key of each certificate, optionally with its own `passphrase`. By default it is in the same
   * text.
   */
  key?: PemKey | PemKey[]
  /** The passphrase of encrypted keys. */
  passphrase?: string
  /** Certificates and keys in files, which `reload` reads again. */
  certFile?: string | string[]
  keyFile?: string | string[]
  /**
   * Whether clients are asked for a certificate. Default 'off'. 'unverified' accepts any
   * certificate, which the program has to verify.
   */
  clients?: 'off' | 'optional' | 'required' | 'unverified'
  /**
   * The form of node:tls: true is 'required', or 'unverified' together with `rejectUnauthorized:
   * false`.
   */
  requestCert?: boolean
  rejectUnauthorized?: boolean
  /** The authorities for client certificates, in PEM or in a file. */
  ca?: Pem | Pem[]
  caFile?: string
  /** The lowest TLS version. Default 'TLSv1.2'. */
  minVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** Whether sessions can be resumed with tickets. Default true. */
  resumption?: boolean
  /** A file to which the secrets of every session are written, for debugging. */
  keyLog?: string
}

/**
 * Certificates and settings for listeners. Invalid ones throw an error that names the file and the
 * reason.
 */
export class Tls {
  constructor (options?: TlsOptions)
  /** Reads the files again. New handshakes use them, and open sessions continue. */
  reload (): void
  /** Replaces the settings. New handshakes use them. */
  replace (other: Tls | TlsOptions): void
}

/** The result of a session's TLS handshake. */
export interface TlsInfo {
  /** 'TLSv1.3' or 'TLSv1.2'. */
  readonly version: string
  /** The IANA name of the cipher suite. */
  readonly cipher: string
  /** The protocol that ALPN has selected; empty if the client did not offer any. */
  readonly alpn: string
  /** The server name that the client has sent (SNI); empty if it has sent none. */
  readonly serverName: string
  /**
   * With `clients: 'unverified'`: why the certificate of the client is not trusted. Otherwise
   * empty.
   */
  readonly clientError: string
  readonly versionNumber: number
  readonly cipherNumber: number
  readonly resumed: boolean
  /** The client's certificate and its chain, in DER. */
  readonly certificates: Buffer[]
}

/** The cause of the end of a session or request, as in goaway.h. */
export type Cause =
  | 'none' | 'drained' | 'peer_closed' | 'peer_goaway' | 'peer_reset' | 'connection_lost' | 'protocol_error'
  | 'handshake' | 'deadline' | 'aborted' | 'internal' | 'handshake_timeout' | 'header_timeout' | 'idle_timeout'
  | 'keepalive_timeout' | 'too_slow' | 'stream_idle' | 'max_age' | 'max_requests' | 'flood' | 'body_too_large'
  | 'push_refused' | 'proxy' | 'tls' | 'silent' | 'evicted' | 'memory'
  | (string & {})

/** How the report of a close counts a session. */
export type Outcome = 'graceful' | 'by_peer' | 'in_handshake' | 'forced' | (string & {})

/** The stage of a session. */
export type Stage = 'handshake' | 'open' | 'draining' | 'last_call' | 'forcing' | 'closing' | (string & {})

/** All limits. goaway.h has their units, defaults and ranges. */
export interface Limits {
  workers?: number
  concurrentStreams?: number
  headerListBytes?: number
  headerFields?: number
  streamWindowBytes?: number
  sessionWindowBytes?: number
  sendBufferBytes?: number
  highWaterBytes?: number
  /**
   * The default `limit` of `request.bytes()`, `text()` and `json()`. `goaway/http2` refuses it with
   * GOAWAY_ERR_INVALID.
   */
  bodyBytes?: number
  sessions?: number
  sessionSendBytes?: number
  sessionsPerAddress?: number
  handshakeMs?: number
  headerBlockMs?: number
  idleMs?: number
  keepaliveMs?: number
  keepaliveTimeoutMs?: number
  progressMs?: number
  progressBytes?: number
  streamIdleMs?: number
  ageMs?: number
  ageJitterMs?: number
  requests?: number
  graceMs?: number
  controlBurst?: number
  controlPerSecond?: number
  /**
   * Refused with GOAWAY_ERR_INVALID: it concerns bodies that the library collects for programs in
   * C.
   */
  sessionBodyBytes?: number
  frameBytes?: number
  headerTableBytes?: number
  tlsHandshakes?: number
  /** Of all servers of the process together; see `memoryUsage()`. */
  memoryBytes?: number
  sessionResponseBytes?: number
}

/** All features. goaway.h has their defaults. */
export interface Features {
  /** Whether HTTP/1.1 and HTTP/1.0 are served in addition to HTTP/2. */
  http1?: boolean
  /**
   * Whether the program can respond to an Upgrade. `goaway/http2` enables it. Handlers of this
   * interface cannot respond to one.
   */
  upgrade?: boolean
  /** Whether extended CONNECT, such as for WebSockets, is announced if a pattern names CONNECT. */
  connectProtocol?: boolean
}

/** What a server has refused since its start. The log has the reasons (`setLog`). */
export interface Counts {
  /** Connections that were refused because of a limit. */
  readonly sessionsRefused: number
  /** TLS handshakes that failed, including plain HTTP on a TLS port. */
  readonly handshakesFailed: number
  /** Connections whose PROXY header was missing, malformed, late, or not from a trusted proxy. */
  readonly proxiesRefused: number
}

/** The memory that the library holds for the peers of all servers of the process, in bytes. */
export interface MemoryUsage {
  /** The sum of the others. */
  readonly total: number
  /** The fixed cost of each connection. */
  readonly sessions: number
  /** The fixed cost of each open request. */
  readonly streams: number
  /** Header and trailer sections of requests and responses. */
  readonly fields: number
  /** Header compression tables. */
  readonly compression: number
  /** Request bodies that the program has not consumed. */
  readonly bodies: number
  /** Response bodies that wait for the peer. */
  readonly responses: number
  /** Bytes that were read and not processed. */
  readonly input: number
  /** Bytes that the kernel has not accepted. */
  readonly output: number
  /** The state and the records of TLS. */
  readonly tls: number
  /** Events that wait for this program. */
  readonly records: number
}

/** Reads the memory in use, as last published by each session. Includes worker threads. */
export function memoryUsage (): MemoryUsage

/** A line of the library's log. */
export interface LogLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** The module of the library that wrote the line. */
  readonly target: string
  readonly message: string
}

/**
 * Sets a callback for the lines of the library's log up to `level` (default 'info'). It is called
 * in the event loop of this thread. The log belongs to the process: it has the lines of all
 * servers, including those of worker threads. A later call replaces an earlier one. With null,
 * which is the default, warnings and errors become process warnings ('GoawayWarning').
 */
export function setLog (callback: ((line: LogLine) => void) | null, options?: { level?: 'off' | 'error' | 'warn' | 'info' | 'debug' }): void

/**
 * What became of the sessions and streams that were open at the beginning of a close, or opened
 * during it.
 */
export interface Report {
  /** Sessions that were drained with every stream served. */
  readonly sessionsGraceful: number
  /** Sessions that ended by the peer, or by a connection failure. */
  readonly sessionsByPeer: number
  /** Connections that had not completed their handshake. */
  readonly sessionsInHandshake: number
  /** Sessions that were ended at the deadline, or aborted. */
  readonly sessionsForced: number
  /** How many of the forced sessions had their thread inside a callback. Always 0 here. */
  readonly sessionsStuck: number
  readonly streamsCompleted: number
  readonly streamsReset: number
  readonly streamsRefused: number
  readonly bytesUnsent: number
  readonly elapsedMs: number
}

/** The progress of a close, about ten times a second. */
export interface Progress {
  readonly sessions: number
  readonly streams: number
  readonly leftMs: number
}

/** The state of a session at one moment. */
export interface SessionInfo {
  readonly id: number
  readonly peer: string
  readonly state: Stage
  readonly ageMs: number
  readonly openStreams: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly requests: number
  readonly protocol: string
  /** The local address of the connection. */
  readonly local: string
}

/** The error that every failing call throws. */
export class GoawayError extends Error {
  constructor (code: string, message: string, details?: object)
  readonly name: 'GoawayError'
  /** The name of the C status, such as 'GOAWAY_ERR_ADDRESS_IN_USE'. */
  readonly code: string
  /** For GOAWAY_ERR_CANCELLED: the cause of the cancellation. */
  readonly reason?: Cause
  /**
   * For GOAWAY_ERR_CANCELLED: the error code of the RST_STREAM or GOAWAY that ended the stream or
   * session, from either side (see `reason`); 0 if there was none.
   */
  readonly http2Code?: number
  /** For the reason of `Request.draining`: the time that is left. */
  readonly leftMs?: number
  /**
   * For input that the server cannot use: the status of the response if the handler does not catch
   * the error, 413 or 400.
   */
  readonly httpStatus?: number
}

/** Handles a request: responds now, or keeps the request and responds later. */
export type Handler = (request: Request) => unknown

/** A request with its response. */
export interface Request {
  /** The id of the request in the C interface. */
  readonly id: number
  /**
   * The stream identifier, or over HTTP/1.1 the index of the request on its connection; 0 after the
   * end.
   */
  readonly stream: number
  /** The HTTP version of the request. */
  readonly httpVersion: '2.0' | '1.1' | '1.0'
  readonly session: Session

  readonly method: string
  readonly scheme: string
  readonly authority: string
  /** The path as received, percent-encoded, without the query. */
  readonly path: string
  /** The query as received, without the `?`; '' if there is none. */
  readonly query: string
  /**
   * The protocol of an extended CONNECT, such as 'websocket' (RFC 8441; an Upgrade over HTTP/1.1);
   * '' for other requests.
   */
  readonly protocol: string
  /** The decoded query. */
  readonly searchParams: URLSearchParams
  /** The decoded parameters of the pattern. */
  readonly params: { readonly [name: string]: string }
  /**
   * The fields by name in lower case. Fields with one name are joined with ', ', cookies with '; '.
   */
  readonly headers: { readonly [name: string]: string }
  /**
   * [name, value, name, value, ...] in the order of arrival. Each cookie field is a separate
   * element.
   */
  readonly rawHeaders: string[]
  /**
   * The names of the header fields, pseudo-header fields included, that the peer
   * marked as never indexed (RFC 7541, section 7.1.3), each once. A proxy must keep
   * the mark: a name that begins with '\x01' is sent with it. Empty in HTTP/1.1.
   */
  readonly sensitiveHeaders: string[]
  /** The client's address, such as '127.0.0.1:49152'. With `setForwarded`, the one that a trusted proxy reports (port 0 if it reports none). */
  readonly peer: string
  /** The path prefix under which a trusted proxy publishes the server, such as '/shop' (`setForwarded`); '' if there is none. */
  readonly prefix: string
  /** Whether the client waits for 100 (Continue), which is sent when `body` is used. */
  readonly expectsContinue: boolean

  /**
   * The body, which can be read once (later calls throw GOAWAY_ERR_STATE). Flow control holds back
   * what is not read. Reading rejects with GOAWAY_ERR_CANCELLED if the client leaves before the
   * end.
   */
  readonly body: AsyncIterableIterator<Buffer>
  /** The trailer fields after the end of the body; null before. */
  readonly trailers: { readonly [name: string]: string } | null
  /** Like `sensitiveHeaders`, for the trailer fields. */
  readonly sensitiveTrailers: readonly string[]
  /**
   * The whole body. A body longer than `limit` (default 16 MiB) rejects with GOAWAY_ERR_TOO_LARGE;
   * the response is 413 if the handler does not catch that.
   */
  bytes (options?: { limit?: number }): Promise<Buffer>
  text (options?: { limit?: number }): Promise<string>
  /**
   * The body as JSON. An invalid body rejects with GOAWAY_ERR_INVALID and the SyntaxError as
   * `cause`; the response is 400 if the handler does not catch that.
   */
  json (options?: { limit?: number }): Promise<any>

  // An invalid status, field or body throws in the call that has it, with the code of the
  // C call. If the client has left, nothing is checked or sent, and the result is false.

  /** Sends the whole response. `date` is added, and `content-length` unless there are trailers. */
  respond (status: number, body?: Data | null, headers?: Fields | null, trailers?: Fields | null): boolean
  /** Sends an informational response before the final one: status 100 to 199, except 101. */
  inform (status: number, headers?: Fields | null): boolean
  /** Begins a streamed response. `write` and `end` follow. */
  writeHead (status: number, headers?: Fields | null): this
  /**
   * Writes the next piece. It is always accepted, and must not be changed until the promise
   * resolves. The promise resolves to true when the next piece should be written. If the client has
   * left, it rejects with GOAWAY_ERR_CANCELLED while the handler runs, which ends a loop of the
   * handler, and resolves to false afterwards. The rejection is marked as handled.
   */
  write (chunk: Data): Promise<boolean>
  /**
   * Accepts a CONNECT with 200 and returns the data of the tunnel. To end it ends both directions.
   */
  upgrade (headers?: Fields | null): Duplex
  /** Ends the response, with a last piece and trailer fields. */
  end (chunk?: Data | null, trailers?: Fields | null): boolean
  /**
   * Resets the stream with this error code (default CANCEL), so that the client sees that the
   * response is incomplete. False if the request has ended.
   */
  reset (code?: number): boolean
  /**
   * Sets after how many milliseconds without a byte in either direction the stream is reset; 0 is
   * never. False if the request has ended.
   */
  setIdle (ms: number): boolean
  /**
   * Sets how many bytes may wait for the client before the promise of `write` waits. After
   * `writeHead`.
   */
  setHighWater (bytes: number): boolean

  /** Whether the response head was sent. */
  readonly headSent: boolean
  /** Whether the response is complete, or the request was cancelled. */
  readonly ended: boolean
  /**
   * Aborted when the request is cancelled or its handler has failed. The reason is a GoawayError
   * with `reason`.
   */
  readonly signal: AbortSignal
  /** Aborted when the session begins to drain: the response should end within `leftMs`. */
  readonly draining: AbortSignal
  /** Milliseconds until open streams are reset; Infinity if the session does not drain. */
  readonly leftMs: number
}

export const Request: { prototype: Request }

export interface SessionEvents {
  /**
   * The payload of the frame: 6 bytes for each setting, identifier and value (RFC 9113, section
   * 6.5.1).
   */
  settings: [Buffer]
  /** The 8 bytes of the PING. */
  ping: [Buffer]
  /** The 8 bytes of a PING of the server that the client has acknowledged. */
  pong: [Buffer]
  /** The payload of a SETTINGS frame of the server that the client has acknowledged. */
  settingsAck: [Buffer]
  /** The TLS handshake is complete, and no HTTP was received yet. `tls` has its result. */
  secured: []
  /**
   * The client has acknowledged a frame that was not sent: a PING with these 8 bytes, or SETTINGS
   * if there are no bytes.
   */
  unsolicitedAck: [Buffer]
  goaway: [{ code: number, lastStream: number, debug: Buffer }]
  frameError: [{ stream: number, code: number, message: string }]
  error: [GoawayError]
  timeout: [{ cause: Cause }]
  draining: []
  closed: [{ cause: Cause, outcome: Outcome, code: number }]
}

/** A connection. Emits the events in `SessionEvents`; `closed` once, as the last. */
export interface Session extends EventEmitter {
  readonly id: number
  readonly peer: string
  /**
   * The value of the first TLV of that type in the PROXY header of the session, such as
   * 2 for the name that the client asked for; null if there is none, or it has ended.
   */
  proxyTlv (kind: number): Buffer | null
  /** How the session ended; null before the end, or if the server has no listener for 'session'. */
  readonly closed: { cause: Cause, outcome: Outcome, code: number } | null
  /** The state of the session now; undefined after its end. */
  info (): SessionInfo | undefined
  /** The result of its TLS handshake; null without TLS. */
  readonly tls: TlsInfo | null
  // After the end of the session these calls have no effect and return false.

  /**
   * Drains the session: open streams are served for up to `drainMs` (default 5000), and then reset.
   */
  close (options?: { drainMs?: number }): boolean
  /**
   * Ends the session now, with a GOAWAY with this code (default 0) and up to 1024 bytes of debug
   * data.
   */
  abort (options?: { code?: number, debug?: Data }): boolean
  /**
   * Sends an ALTSVC frame (RFC 7838): an alternative service for `origin`, or for the origin of the
   * request on `stream`. `value` is as in an Alt-Svc field, such as 'h2=":8000"'. Give either
   * `origin` or `stream`.
   */
  altsvc (value: string, about: { origin: string } | { stream: number }): boolean
  /** Sends an ORIGIN frame (RFC 8336): the other origins for which the session may be used. */
  origin (...origins: string[]): boolean
  on<E extends keyof SessionEvents> (event: E, listener: (...args: SessionEvents[E]) => void): this
  once<E extends keyof SessionEvents> (event: E, listener: (...args: SessionEvents[E]) => void): this
}

export const Session: { prototype: Session }

export interface ServerEvents {
  /** A connection was accepted. Emitted once for each. */
  session: [Session]
  /**
   * A handler has failed. Without a listener the error becomes an uncaught exception of the
   * process. A client that has left is no failure.
   */
  error: [unknown, Request]
  /** No connections are accepted for a moment, because descriptors or memory have run out. */
  acceptError: [GoawayError]
  progress: [Progress]
  /** The close is complete. */
  close: [Report]
}

/** Proxies that are trusted. */
export interface ForwardedOptions {
  /** Addresses and networks, 'unix' for Unix sockets, '*' for everyone. Default '127.0.0.0/8,::1,unix'. */
  trusted?: string | string[]
  /**
   * The header fields to read: x-forwarded-for, -proto, -host, -port, -prefix, forwarded.
   * Name only such as the proxy sets or removes. Default 'x-forwarded-for,x-forwarded-proto'.
   */
  fields?: string | string[]
}

/** Paths of health checks that the library responds to. Handlers do not see these requests. */
export interface HealthPaths {
  /** 200 while the server is `ready`, otherwise 503; such as '/ready'. */
  ready?: string
  /** 503 while something has been waiting for the event loop for more than `stallMs`, otherwise 200. */
  live?: string
  /** Milliseconds; default 10000. */
  stallMs?: number
}

export interface ServerOptions {
  limits?: Limits
  features?: Features
  /** How many events may wait for the event loop before sessions are held back. Default 4096. */
  queueRecords?: number
  /**
   * How HEADERS, PUSH_PROMISE and DATA frames are padded (RFC 9113, section 10.7): 'aligned' to
   * multiples of 8 bytes, 'max' by 256 bytes, as far as the client's windows and frame size allow.
   * Default 'none'.
   */
  padding?: 'none' | 'aligned' | 'max'
}

/**
 * An HTTP/2 server. It keeps the process alive from `start` to the end of
 * `close`, unless `unref` was called.
 */
export class Server extends EventEmitter {
  constructor (options?: ServerOptions)
  /**
   * Registers a handler for a pattern: 'GET /users/{id}', 'GET /files/{*rest}', '* /echo', '*' for
   * requests that no other pattern matches, 'CONNECT *' for tunnels.
   */
  register (pattern: string, handler: Handler): this
  setLimit (name: keyof Limits, value: number): this
  setFeature (name: keyof Features, enabled: boolean): this
  /**
   * Accepts what trusted proxies report about the client of a request, before the start. It
   * replaces `peer`, `scheme`, `authority` and `prefix` of the request.
   */
  setForwarded (options?: ForwardedOptions): this
  /** Makes the library respond to health checks itself, to GET and HEAD. Before the start. */
  setHealthPaths (paths: HealthPaths): this
  /**
   * Opens a listening socket. Connections wait in the kernel until the start. May be called several
   * times.
   */
  listen (address: Address): this
  /** Starts to serve, also on `bind` if that is given. */
  start (options?: { bind?: Address | Address[] }): Promise<this>
  /** The port of the first listener; 0 before `listen`. */
  readonly port: number
  readonly ports: number[]
  /** The address of the first listener: '127.0.0.1:8080', 'unix:/run/app.sock'. */
  readonly addresses: string[]
  /**
   * Duplicates the descriptor of a listening socket, for a successor that listens on it. When this
   * server closes, it leaves waiting connections and the file of a Unix socket to the successor.
   */
  handOver (number?: number): number
  /**
   * Whether the server serves and does not close, for health checks. It can be set to false, and
   * back.
   */
  ready: boolean
  /**
   * Closes the server. With `shutdownDelayMs` (default 0), first only `ready` becomes false for
   * this time, and the server serves as before, so that load balancers can take it out. A call
   * without it ends that delay. Then every session is drained: open streams are served for up to
   * `drainMs` (default 5000), and then reset. The close is complete at most one second after that.
   * A further call can shorten the time.
   */
  close (options?: { drainMs?: number, shutdownDelayMs?: number }): Promise<Report>
  /** The report of the close; null before it is complete. */
  readonly report: Report | null
  /** What was refused since the start. After the end: the final counts. */
  counts (): Counts
  sessions (): SessionInfo[]
  session (id: number): Session
  ref (): this
  unref (): this
  on<E extends keyof ServerEvents> (event: E, listener: (...args: ServerEvents[E]) => void): this
  once<E extends keyof ServerEvents> (event: E, listener: (...args: ServerEvents[E]) => void): this
  [Symbol.asyncDispose] (): Promise<void>
}

/**
 * A socket that listens for other processes. This process does not accept connections from it.
 * Child processes inherit `fd` and serve on it: `server.start({ bind: { fd } })`.
 */
export class Listener {
  constructor (address: Address)
  readonly fd: number
  /** The port; 0 for a Unix socket. */
  readonly port: number
  readonly address: string
  /** Whether this process has closed the socket. */
  readonly closed: boolean
  /** Closes the socket in this process. Processes that have inherited it continue. */
  close (): void
}

declare const goaway: {
  Server: typeof Server
  Listener: typeof Listener
  Request: typeof Request
  Session: typeof Session
  Tls: typeof Tls
  GoawayError: typeof GoawayError
  setLog: typeof setLog
  memoryUsage: typeof memoryUsage
  version: string
}
export default goaway
