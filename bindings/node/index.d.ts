// goaway for Node.js: an HTTP/2 server that knows how to leave.
// Times are milliseconds, lengths bytes, ids numbers. Every call that fails
// throws a GoawayError; a stale id is GOAWAY_ERR_GONE. That a peer has gone is no
// error: what is done to its request or session has no effect, and says so.

import { EventEmitter } from 'node:events'
import { Duplex } from 'node:stream'

/** The version of the native library, such as "0.1.0". */
export const version: string

/** A field's value, or several fields of one name. */
export type FieldValue = string | number | bigint | readonly (string | number | bigint)[]

/**
 * Header or trailer fields: an object of names and values, a flat list of them,
 * or pairs in an array or another iterable, such as a Map, a Headers object or
 * `Object.entries`. Names are sent in lower case; of a value each character up to
 * U+00FF is one byte. What HTTP does not allow throws GOAWAY_ERR_INVALID: a
 * control character, white space at an end of a value, a field of the connection.
 */
export type Fields =
  | { readonly [name: string]: FieldValue }
  | readonly FieldValue[]
  | Iterable<readonly [string, FieldValue]>

/** A piece of a body: a string is sent as UTF-8. */
export type Data = string | Uint8Array

/** Options of a listening socket; see `goaway_server_listen` of the C header. */
export interface SocketOptions {
  /** With TLS. */
  tls?: Tls | TlsOptions
  /** Whether connections begin with a PROXY header from these addresses and networks: '10.0.0.0/8', 'unix', '*'. */
  proxy?: string | string[]
  /** Milliseconds until that header must be there: 5000. */
  proxyMs?: number
  /** Serves health checks alone (setHealthPaths), and is not among the limits of sessions. Default false. */
  health?: boolean
}

/** Options of one that is not inherited. */
export interface OwnSocketOptions extends SocketOptions {
  /** Connections that wait in the kernel: 1024. */
  backlog?: number
}

/** Options of one of TCP; keepalive in seconds. */
export interface TcpOptions extends OwnSocketOptions {
  host?: string
  port?: number
  reusePort?: boolean
  ipv6Only?: boolean
  keepalive?: number
  keepaliveInterval?: number
  keepaliveCount?: number
}

/** A Unix socket; `mode` such as 0o660, as the umask leaves it if not said. */
export interface UnixOptions extends OwnSocketOptions {
  path: string
  mode?: number
}

/** What the service manager has opened (socket activation): what has that name, or '': all of it. */
export interface ActivatedOptions extends SocketOptions {
  systemd: string
}

/**
 * Where to listen: '127.0.0.1:8080', '[::1]:0', 'localhost:80', 'unix:/run/app.sock',
 * 'systemd:', each with options behind a '?'; or a port of 127.0.0.1; or an object.
 */
export type Address = string | number | TcpOptions | UnixOptions | SocketOptions & { fd: number } | ActivatedOptions

type Pem = string | Uint8Array
type PemKey = Pem | { pem: Pem, passphrase?: string }

export interface TlsOptions {
  /** A certificate and those that lead to its authority, in PEM; an array: several certificates, chosen by SNI. */
  cert?: Pem | Pem[]
  /** The key of each, also with its own `passphrase`; by default in the same text. */
  key?: PemKey | PemKey[]
  /** What the keys are encrypted with. */
  passphrase?: string
  /** The same in files, which `reload` reads again. */
  certFile?: string | string[]
  keyFile?: string | string[]
  /** Whether clients are asked for a certificate ('off'); 'unverified' takes any and leaves it to you. */
  clients?: 'off' | 'optional' | 'required' | 'unverified'
  /** As node:tls says 'required', and, with `rejectUnauthorized: false`, 'unverified'. */
  requestCert?: boolean
  rejectUnauthorized?: boolean
  /** Who vouches for them, in PEM or in a file. */
  ca?: Pem | Pem[]
  caFile?: string
  /** 'TLSv1.2'. */
  minVersion?: 'TLSv1.2' | 'TLSv1.3'
  /** By tickets; true. */
  resumption?: boolean
  /** A file for the secrets of every session, for debugging. */
  keyLog?: string
}

/** Certificates and settings for listeners. What cannot be used throws, with the file's name and its fault. */
export class Tls {
  constructor (options?: TlsOptions)
  /** Has new handshakes use the files as they are now; sessions go on. */
  reload (): void
  /** Has new handshakes use what another one says. */
  replace (other: Tls | TlsOptions): void
}

/** What a session's TLS handshake has come to. */
export interface TlsInfo {
  /** 'TLSv1.3' or 'TLSv1.2'. */
  readonly version: string
  /** The cipher suite as IANA names it. */
  readonly cipher: string
  /** What ALPN has chosen; empty if the client did not ask. */
  readonly alpn: string
  /** The name that the client asked for (SNI); empty if it named none. */
  readonly serverName: string
  /** Why the authorities do not vouch for the client, with `clients: 'unverified'`; else empty. */
  readonly clientError: string
  readonly versionNumber: number
  readonly cipherNumber: number
  readonly resumed: boolean
  /** What the client has shown, in DER: its own and those that lead to its authority. */
  readonly certificates: Buffer[]
}

/** Why a session or a request ended, as goaway.h names it. */
export type Cause =
  | 'none' | 'drained' | 'peer_closed' | 'peer_goaway' | 'peer_reset' | 'connection_lost' | 'protocol_error'
  | 'handshake' | 'deadline' | 'aborted' | 'internal' | 'handshake_timeout' | 'header_timeout' | 'idle_timeout'
  | 'keepalive_timeout' | 'too_slow' | 'stream_idle' | 'max_age' | 'max_requests' | 'flood' | 'body_too_large'
  | 'push_refused' | 'proxy' | 'tls' | 'silent' | 'evicted'
  | (string & {})

/** How the report counts a session's end. */
export type Outcome = 'graceful' | 'by_peer' | 'in_handshake' | 'forced' | (string & {})

/** How far a session is on its way out. */
export type Stage = 'handshake' | 'open' | 'draining' | 'last_call' | 'forcing' | 'closing' | (string & {})

/** Every limit of goaway.h, with its unit, default and range there. */
export interface Limits {
  workers?: number
  concurrentStreams?: number
  headerListBytes?: number
  headerFields?: number
  streamWindowBytes?: number
  sessionWindowBytes?: number
  sendBufferBytes?: number
  highWaterBytes?: number
  /** What `request.bytes()`, `text()` and `json()` take if they are given no `limit`; refused with GOAWAY_ERR_INVALID by `goaway/http2`. */
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
  /** Refused with GOAWAY_ERR_INVALID: it is about bodies that the library gathers for programs in C. */
  sessionBodyBytes?: number
  frameBytes?: number
  headerTableBytes?: number
  tlsHandshakes?: number
}

/** Every feature of goaway.h, true or false; its default is there. */
export interface Features {
  /** HTTP/1.1 and 1.0 are served beside HTTP/2. */
  http1?: boolean
  /** For `goaway/http2`, which turns it on: handlers of this interface cannot respond to an Upgrade. */
  upgrade?: boolean
  /** WebSockets and other extended CONNECTs are announced, where a pattern names CONNECT. */
  connectProtocol?: boolean
}

/** What a server has refused since its start; the log says why (`setLog`). */
export interface Counts {
  /** Connections that a limit refused. */
  readonly sessionsRefused: number
  /** TLS handshakes that failed, plain HTTP on a port of TLS among them. */
  readonly handshakesFailed: number
  /** Connections whose PROXY header was missing, malformed, late, or not from a trusted proxy. */
  readonly proxiesRefused: number
}

/** The memory that the library holds for the peers of all servers of the process, in bytes. */
export interface MemoryUsage {
  /** The sum of the others. */
  readonly total: number
  /** What each connection takes, idle or not. */
  readonly sessions: number
  /** What each open request takes, beside the following. */
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
  /** The events that wait for this program. */
  readonly records: number
}

/** Reads the memory in use, as of the last turn of each session; worker threads included. */
export function memoryUsage (): MemoryUsage

/** A line of the library's log. */
export interface LogLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  /** The part of the library that says it. */
  readonly target: string
  readonly message: string
}

/**
 * Has `callback` called with each line of the library's log up to `level`
 * ('info'), in this thread's loop. The log is the process's: it has the lines of
 * all servers, those of worker threads too. The last call counts. With null, as
 * at first, warnings and errors become process warnings ('GoawayWarning').
 */
export function setLog (callback: ((line: LogLine) => void) | null, options?: { level?: 'off' | 'error' | 'warn' | 'info' | 'debug' }): void

/** What became of everything that was open when the close began, or came during it. */
export interface Report {
  /** Sessions that were told and had every stream served. */
  readonly sessionsGraceful: number
  /** Sessions that the peer ended, or broke. */
  readonly sessionsByPeer: number
  /** Connections that had not become a session yet. */
  readonly sessionsInHandshake: number
  /** Sessions that were cut at the deadline, or aborted. */
  readonly sessionsForced: number
  /** Of the forced: those whose thread was inside a callback. Always 0 here. */
  readonly sessionsStuck: number
  readonly streamsCompleted: number
  readonly streamsReset: number
  readonly streamsRefused: number
  readonly bytesUnsent: number
  readonly elapsedMs: number
}

/** How far a close has come, about ten times a second. */
export interface Progress {
  readonly sessions: number
  readonly streams: number
  readonly leftMs: number
}

/** A session's figures at one moment. */
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
  /** Our own address of the connection. */
  readonly local: string
}

/** What every failing call throws. */
export class GoawayError extends Error {
  constructor (code: string, message: string, details?: object)
  readonly name: 'GoawayError'
  /** The name of the C status, such as 'GOAWAY_ERR_ADDRESS_IN_USE'. */
  readonly code: string
  /** Of GOAWAY_ERR_CANCELLED: why nobody waits any more. */
  readonly reason?: Cause
  /**
   * Of GOAWAY_ERR_CANCELLED: the code that the stream or its session ended with,
   * of RST_STREAM or GOAWAY, whoever sent it (`reason` tells who); 0 if there was none.
   */
  readonly http2Code?: number
  /** Of `Request.draining`'s reason: how much time there was left. */
  readonly leftMs?: number
  /** Of what the peer sent and cannot be used: the status that it gets if the error leaves the handler, 413 or 400. */
  readonly httpStatus?: number
}

/** Answers the request now, or keeps it and answers later. */
export type Handler = (request: Request) => unknown

/** One request and its answer. */
export interface Request {
  /** The id that the C interface knows it by. */
  readonly id: number
  /** The number of its stream, or, in HTTP/1.1, of the request on its connection; 0 once it is over. */
  readonly stream: number
  /** The version of HTTP that it came in. */
  readonly httpVersion: '2.0' | '1.1' | '1.0'
  readonly session: Session

  readonly method: string
  readonly scheme: string
  readonly authority: string
  /** Percent-encoded, as it came, without the query. */
  readonly path: string
  /** What stands behind `?`, as it came; '' if there is nothing. */
  readonly query: string
  /** What a CONNECT asks for, such as 'websocket' (RFC 8441; an Upgrade in HTTP/1.1); '' of any other request. */
  readonly protocol: string
  /** The query, decoded. */
  readonly searchParams: URLSearchParams
  /** The parameters of the pattern, decoded. */
  readonly params: { readonly [name: string]: string }
  /** By lower-case name; fields of one name are joined by ', ', cookies by '; '. */
  readonly headers: { readonly [name: string]: string }
  /** [name, value, name, value, ...] in the order of arrival; over HTTP/2 fields of one name stand together. Each cookie field is by itself. */
  readonly rawHeaders: string[]
  /**
   * The names of the header fields, pseudo-header fields included, that the peer
   * marked as never indexed (RFC 7541, section 7.1.3), each once. A proxy must keep
   * the mark: a name that begins with '\x01' is sent with it. Empty in HTTP/1.1.
   */
  readonly sensitiveHeaders: string[]
  /** '127.0.0.1:49152'; what a trusted proxy says (setForwarded), with port 0 if it says none. */
  readonly peer: string
  /** The path at which a trusted proxy mounts the server, such as '/shop'; '' if none says so. */
  readonly prefix: string
  /** Whether the peer waits for 100 (Continue), which it gets when `body` is asked for. */
  readonly expectsContinue: boolean

  /**
   * The body as it comes, to be read once (again is GOAWAY_ERR_STATE); what is
   * not read is held back at the peer. Reading rejects with GOAWAY_ERR_CANCELLED
   * if the peer goes before its end.
   */
  readonly body: AsyncIterableIterator<Buffer>
  /** The trailer fields, once the body has ended; null before. */
  readonly trailers: { readonly [name: string]: string } | null
  /** As `sensitiveHeaders`, of the trailer fields. */
  readonly sensitiveTrailers: readonly string[]
  /** The whole body. More than `limit` (16 MiB) is GOAWAY_ERR_TOO_LARGE: a handler that does not catch it responds 413. */
  bytes (options?: { limit?: number }): Promise<Buffer>
  text (options?: { limit?: number }): Promise<string>
  /** What is no JSON is GOAWAY_ERR_INVALID, with the SyntaxError as `cause`: a handler that does not catch it responds 400. */
  json (options?: { limit?: number }): Promise<any>

  // What is wrong with a status, a field or a body throws where it is written,
  // with the code that the C call has for it. If the peer has gone nothing is
  // looked at and nothing happens: the result is false.

  /** The whole response at once; `date` and, without trailers, `content-length` are added. */
  respond (status: number, body?: Data | null, headers?: Fields | null, trailers?: Fields | null): boolean
  /** An informational head before the response: 100 to 199, not 101. */
  inform (status: number, headers?: Fields | null): boolean
  /** Begins a streamed response; `write` and `end` follow. */
  writeHead (status: number, headers?: Fields | null): this
  /**
   * The next piece, which is always taken and must not be changed until the
   * promise resolves: to true when the next should come. If the peer has gone it
   * rejects with GOAWAY_ERR_CANCELLED while the handler runs, which ends the
   * handler's loop, and resolves to false afterwards. The rejection is marked as
   * handled.
   */
  write (chunk: Data): Promise<boolean>
  /** Answers CONNECT with 200: the bytes of the tunnel. The end of what you write is the end of both ways. */
  upgrade (headers?: Fields | null): Duplex
  /** Ends the response, with a last piece and trailer fields. */
  end (chunk?: Data | null, trailers?: Fields | null): boolean
  /** RST_STREAM with that code (CANCEL): the peer sees that the response is not whole. False if it was over. */
  reset (code?: number): boolean
  /** After so many ms without a byte either way the stream is reset; 0 is never. False if it was over. */
  setIdle (ms: number): boolean
  /** So many bytes may wait for the peer before `write` lets you wait. After `writeHead`. */
  setHighWater (bytes: number): boolean

  /** Whether the head is on its way. */
  readonly headSent: boolean
  /** Whether it is answered whole, or nobody waits any more. */
  readonly ended: boolean
  /** Aborted when nobody waits any more, or the handler has failed; the reason is a GoawayError with `reason`. */
  readonly signal: AbortSignal
  /** Aborted when the session begins to drain: end within `leftMs`. */
  readonly draining: AbortSignal
  /** Milliseconds until open streams are reset; Infinity while nothing drains. */
  readonly leftMs: number
}

export const Request: { prototype: Request }

export interface SessionEvents {
  /** The frame's payload: 6 bytes an entry, identifier and value (RFC 9113, section 6.5.1). */
  settings: [Buffer]
  /** The 8 bytes of the PING. */
  ping: [Buffer]
  /** The 8 bytes of a PING of ours that the peer has answered. */
  pong: [Buffer]
  /** The peer has acknowledged our SETTINGS frame of that payload. */
  settingsAck: [Buffer]
  /** The TLS handshake is over, before a word of HTTP has come: `tls` knows what it has come to. */
  secured: []
  /** The peer has acknowledged what was not sent: a PING of these 8 bytes, or, without bytes, SETTINGS. */
  unsolicitedAck: [Buffer]
  goaway: [{ code: number, lastStream: number, debug: Buffer }]
  frameError: [{ stream: number, code: number, message: string }]
  error: [GoawayError]
  timeout: [{ cause: Cause }]
  draining: []
  closed: [{ cause: Cause, outcome: Outcome, code: number }]
}

/** One connection. Emits what `SessionEvents` lists, `closed` once and last. */
export interface Session extends EventEmitter {
  readonly id: number
  readonly peer: string
  /** How it ended; null before, or if nobody listened to the server's 'session'. */
  readonly closed: { cause: Cause, outcome: Outcome, code: number } | null
  /** Its figures now; undefined once it has ended. */
  info (): SessionInfo | undefined
  /** What its TLS handshake has come to; null without TLS. */
  readonly tls: TlsInfo | null
  // Of a session that has ended these have no effect and give false.

  /** Has it leave: told, served for up to `drainMs` (5000), then reset. */
  close (options?: { drainMs?: number }): boolean
  /** Ends it now with GOAWAY, a code (0) and up to 1024 bytes of debug data. */
  abort (options?: { code?: number, debug?: Data }): boolean
  /**
   * Says where else `origin`, or what the request of `stream` asked for, is
   * served, with an ALTSVC frame (RFC 7838): `value` as in an Alt-Svc field,
   * such as 'h2=":8000"'. One of both is to be given.
   */
  altsvc (value: string, about: { origin: string } | { stream: number }): boolean
  /** Says for which origins beside its own it may be used, with an ORIGIN frame (RFC 8336). */
  origin (...origins: string[]): boolean
  on<E extends keyof SessionEvents> (event: E, listener: (...args: SessionEvents[E]) => void): this
  once<E extends keyof SessionEvents> (event: E, listener: (...args: SessionEvents[E]) => void): this
}

export const Session: { prototype: Session }

export interface ServerEvents {
  /** A connection was accepted: once for each, its first event. */
  session: [Session]
  /** A handler failed; without a listener it is the process's uncaught error. That a peer has gone is no failure. */
  error: [unknown, Request]
  /** Accept rests for a moment: descriptors or memory have run out. */
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
  /** How many events may wait for the loop before sessions are held back: 4096. */
  queueRecords?: number
  /**
   * How HEADERS, PUSH_PROMISE and DATA frames are padded (RFC 9113, section 10.7):
   * 'aligned' to multiples of 8 bytes, 'max' by 256 bytes, as far as the client's
   * windows and frame size allow. Default 'none'.
   */
  padding?: 'none' | 'aligned' | 'max'
}

/**
 * An HTTP/2 server. It keeps the process alive from `start` to the end of
 * `close`, unless `unref` was called.
 */
export class Server extends EventEmitter {
  constructor (options?: ServerOptions)
  /** 'GET /users/{id}', 'GET /files/{*rest}', '* /echo', or '*' for what no other matches; 'CONNECT *' for tunnels. */
  register (pattern: string, handler: Handler): this
  setLimit (name: keyof Limits, value: number): this
  setFeature (name: keyof Features, enabled: boolean): this
  /**
   * Trusts proxies to say who the client of a request is: its `peer`, `scheme`,
   * `authority` and `prefix` are then what they say. Before the start.
   */
  setForwarded (options?: ForwardedOptions): this
  /** Has the library respond to health checks itself, to GET and HEAD. Before the start. */
  setHealthPaths (paths: HealthPaths): this
  /** Connections wait in the kernel until the start. Repeatable. */
  listen (address: Address): this
  /** Starts to serve, on `bind` too if it is given. */
  start (options?: { bind?: Address | Address[] }): Promise<this>
  /** The port of the first listener; 0 before `listen`. */
  readonly port: number
  readonly ports: number[]
  /** Where it listens: '127.0.0.1:8080', 'unix:/run/app.sock'. */
  readonly addresses: string[]
  /**
   * A duplicate of a listening socket's descriptor, for a successor to listen on.
   * What waits there, and a Unix socket's file, is left to it when this one closes.
   */
  handOver (number?: number): number
  /** For a health check: whether it serves and does not leave. May be set, and set back. */
  ready: boolean
  /**
   * With `shutdownDelayMs` (0), first only `ready` is false for so long, so that load
   * balancers take the server out, and it serves as before. A call without it ends
   * that. Then:
   * Tells every peer, serves what is open for up to `drainMs` (5000), resets the
   * rest; complete one second after that at most. Again: shortens the time.
   */
  close (options?: { drainMs?: number, shutdownDelayMs?: number }): Promise<Report>
  /** Null until the close is complete. */
  readonly report: Report | null
  /** After the end: what there was at the end. */
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
 * A socket that listens for other processes, and from which this one does not
 * accept: they inherit `fd` and serve on it, `server.start({ bind: { fd } })`.
 */
export class Listener {
  constructor (address: Address)
  readonly fd: number
  /** 0 for a Unix socket. */
  readonly port: number
  readonly address: string
  /** Whether this process has given it up. */
  readonly closed: boolean
  /** Gives it up here; processes that inherited it go on. */
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
