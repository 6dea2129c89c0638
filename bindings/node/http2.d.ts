// node:http2's interface over goaway. What is Node's own has Node's types.

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Http2Server, SecureServerOptions, ServerHttp2Session, ServerOptions } from 'node:http2'
import { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { HealthPaths, Report, Limits, Features, Cause, Outcome } from './index.js'

export * from 'node:http2'

/** Options of createServer: node:http2's, and these. */
export interface GoawayServerOptions extends ServerOptions {
  /** How long close() lets open streams go on, in milliseconds. Default 5000, or the environment's GOAWAY_DRAIN_MS. */
  drainMs?: number
  /** How long close() waits before it begins, in milliseconds. Meanwhile `ready` is false, and the server serves as before. Default 0. */
  shutdownDelayMs?: number
  /** The paths of health checks that goaway responds to; 'stream' and 'request' are not emitted for them. */
  health?: HealthPaths
  /** Limits of goaway by name, such as idleMs; they go before what other options mean. */
  limits?: Limits
  /** Features of goaway by name, such as http1; they go before what other options mean. */
  features?: Features
}

/** What became of a session. */
export interface SessionEnd {
  id: number
  /** Its address and port, such as '127.0.0.1:49152'. */
  peer: string
  /** Why it ended. */
  cause: Cause
  /** How it ended. */
  outcome: Outcome
  /** The code of its GOAWAY. */
  code: number
}

/** node:http2's session, and what goaway has besides. */
export interface GoawayHttp2Session extends ServerHttp2Session {
  /** As the library knows it. */
  readonly id: number
  /** No new streams; ends when those there are have ended, or after `drainMs`. */
  close (callback?: () => void): void
  close (options: { drainMs?: number }, callback?: () => void): void
  /** Ends it now, with a GOAWAY of that code (0) and text. */
  abort (options?: { code?: number, debug?: string }): void
}

/** node:http2's server, and what goaway has besides. */
export interface GoawayHttp2Server extends Http2Server {
  /** How long close() lets open streams go on, in milliseconds; may be changed. */
  drainMs: number
  /** How long close() waits before it begins, in milliseconds; may be changed. */
  shutdownDelayMs: number
  /** Whether it listens and was not told to close, for health checks. */
  readonly ready: boolean
  /** What became of every session; null until the server has closed. */
  readonly report: Report | null
  /** The live sessions. */
  readonly sessions: GoawayHttp2Session[]
  /** Ends in `shutdownDelayMs`, `drainMs` and a second at most. Called again with a time it can only shorten the times; with `drainMs` only it ends the delay. */
  close (callback?: (error?: Error) => void): this
  close (options: { drainMs?: number, shutdownDelayMs?: number }, callback?: (error?: Error) => void): this
  /** Ends the sessions that have no stream. */
  closeIdleConnections (): void
  /** Ends all sessions now; the server goes on. */
  closeAllConnections (): void
  /** Ends each session when its streams have ended; the server goes on. */
  closeHttp2Sessions (): void
  /** A request in HTTP/1.1 that asks for another protocol; `head` is empty. The socket emits 'draining' when its connection begins to leave. */
  on (event: 'upgrade', listener: (request: IncomingMessage, socket: Socket, head: Buffer) => void): this
  /** Each session once, when its socket has ended. */
  on (event: 'sessionClosed', listener: (end: SessionEnd) => void): this
  on (event: string | symbol, listener: (...args: any[]) => void): this
}

type OnRequest = (request: Http2ServerRequest, response: Http2ServerResponse) => void

export function createServer (onRequest?: OnRequest): GoawayHttp2Server
export function createServer (options: GoawayServerOptions, onRequest?: OnRequest): GoawayHttp2Server

/** Options of createSecureServer: node:http2's, as far as docs/node-http2.md says, and these. */
export interface GoawaySecureServerOptions extends SecureServerOptions {
  drainMs?: number
  shutdownDelayMs?: number
  health?: HealthPaths
  limits?: Limits
  features?: Features
  /** Certificates and keys in files, instead of `cert` and `key`. */
  certFile?: string | string[]
  keyFile?: string | string[]
  /** The file of who vouches for clients, instead of `ca`. */
  caFile?: string
  /** By tickets; true. */
  resumption?: boolean
  /** A file for the secrets of every session, for debugging. */
  keyLog?: string
}

/** A server of createSecureServer. */
export interface GoawayHttp2SecureServer extends GoawayHttp2Server {
  /** Has new handshakes use these; if they cannot be used it throws and nothing changes. */
  setSecureContext (options: GoawaySecureServerOptions): void
  /** Has clients that ask for that name get this certificate; the last call for a name counts, and a name goes before a wildcard. */
  addContext (name: string, context: Pick<GoawaySecureServerOptions, 'cert' | 'key' | 'certFile' | 'keyFile' | 'passphrase'>): void
}

export function createSecureServer (onRequest?: OnRequest): GoawayHttp2SecureServer
export function createSecureServer (options: GoawaySecureServerOptions, onRequest?: OnRequest): GoawayHttp2SecureServer
