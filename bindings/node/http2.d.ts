// The interface of node:http2, implemented by goaway. Types of Node.js are used where
// they exist.

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Http2Server, SecureServerOptions, ServerHttp2Session, ServerOptions } from 'node:http2'
import { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { HealthPaths, Report, Limits, Features, Cause, Outcome } from './index.js'

export * from 'node:http2'

/** Options of createServer: node:http2's, and these. */
export interface GoawayServerOptions extends ServerOptions {
  /**
   * How long close() lets open streams continue, in milliseconds. Default 5000, or the environment
   * variable GOAWAY_DRAIN_MS.
   */
  drainMs?: number
  /** How long close() waits before it begins, in milliseconds. Meanwhile `ready` is false, and the server serves as before. Default 0. */
  shutdownDelayMs?: number
  /** The paths of health checks that goaway responds to; 'stream' and 'request' are not emitted for them. */
  health?: HealthPaths
  /** Limits of goaway by name, such as idleMs. They take precedence over other options. */
  limits?: Limits
  /** Features of goaway by name, such as http1. They take precedence over other options. */
  features?: Features
}

/** How a session has ended. */
export interface SessionEnd {
  id: number
  /** The address and port of the client, such as '127.0.0.1:49152'. */
  peer: string
  /** The cause of its end. */
  cause: Cause
  /** How it ended. */
  outcome: Outcome
  /** The error code of its GOAWAY. */
  code: number
}

/** The session of node:http2, with additions of goaway. */
export interface GoawayHttp2Session extends ServerHttp2Session {
  /** The id of the session in the C interface. */
  readonly id: number
  /**
   * Accepts no new streams. The session ends when its open streams have ended, or after `drainMs`.
   */
  close (callback?: () => void): void
  close (options: { drainMs?: number }, callback?: () => void): void
  /** Ends the session now, with a GOAWAY with this code (default 0) and text. */
  abort (options?: { code?: number, debug?: string }): void
}

/** The server of node:http2, with additions of goaway. */
export interface GoawayHttp2Server extends Http2Server {
  /** How long close() lets open streams continue, in milliseconds. May be changed. */
  drainMs: number
  /** How long close() waits before it begins, in milliseconds. May be changed. */
  shutdownDelayMs: number
  /** Whether the server listens and does not close, for health checks. */
  readonly ready: boolean
  /** The report of the close; null before it is complete. */
  readonly report: Report | null
  /** The live sessions. */
  readonly sessions: GoawayHttp2Session[]
  /**
   * Closes the server, in at most `shutdownDelayMs`, `drainMs` and one second. A further call can
   * only shorten these times; with `drainMs` only, it ends the delay.
   */
  close (callback?: (error?: Error) => void): this
  close (options: { drainMs?: number, shutdownDelayMs?: number }, callback?: (error?: Error) => void): this
  /** Ends the sessions that have no open stream. */
  closeIdleConnections (): void
  /** Ends all sessions now. The server continues. */
  closeAllConnections (): void
  /** Ends each session when its streams have ended. The server continues. */
  closeHttp2Sessions (): void
  /**
   * An HTTP/1.1 request for an upgrade. `head` is empty. The socket emits 'draining' when its
   * connection begins to drain.
   */
  on (event: 'upgrade', listener: (request: IncomingMessage, socket: Socket, head: Buffer) => void): this
  /** Emitted once for each session, when its socket has closed. */
  on (event: 'sessionClosed', listener: (end: SessionEnd) => void): this
  on (event: string | symbol, listener: (...args: any[]) => void): this
}

type OnRequest = (request: Http2ServerRequest, response: Http2ServerResponse) => void

export function createServer (onRequest?: OnRequest): GoawayHttp2Server
export function createServer (options: GoawayServerOptions, onRequest?: OnRequest): GoawayHttp2Server

/** Options of createSecureServer: those of node:http2 that docs/node-http2.md lists, and these. */
export interface GoawaySecureServerOptions extends SecureServerOptions {
  drainMs?: number
  shutdownDelayMs?: number
  health?: HealthPaths
  limits?: Limits
  features?: Features
  /** Certificates and keys in files, instead of `cert` and `key`. */
  certFile?: string | string[]
  keyFile?: string | string[]
  /** The file with the authorities for client certificates, instead of `ca`. */
  caFile?: string
  /** Whether sessions can be resumed with tickets. Default true. */
  resumption?: boolean
  /** A file to which the secrets of every session are written, for debugging. */
  keyLog?: string
}

/** A server of createSecureServer. */
export interface GoawayHttp2SecureServer extends GoawayHttp2Server {
  /** Replaces the certificates for new handshakes. Invalid ones throw, and nothing changes. */
  setSecureContext (options: GoawaySecureServerOptions): void
  /**
   * Sets the certificate for clients that send this server name. A later call for a name replaces
   * an earlier one, and a name takes precedence over a wildcard.
   */
  addContext (name: string, context: Pick<GoawaySecureServerOptions, 'cert' | 'key' | 'certFile' | 'keyFile' | 'passphrase'>): void
}

export function createSecureServer (onRequest?: OnRequest): GoawayHttp2SecureServer
export function createSecureServer (options: GoawaySecureServerOptions, onRequest?: OnRequest): GoawayHttp2SecureServer
