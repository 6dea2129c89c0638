// node:http2's interface over goaway. What is Node's own has Node's types.

import { Http2Server, SecureServerOptions, ServerHttp2Session, ServerOptions } from 'node:http2'
import { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { Report, Limits } from './index.js'

export * from 'node:http2'

/** Options of createServer: node:http2's, and these. */
export interface GoawayServerOptions extends ServerOptions {
  /** How long close() lets open streams go on, in milliseconds. Default 5000, or the environment's GOAWAY_DRAIN_MS. */
  drainMs?: number
  /** Limits of goaway by name, such as idleMs; they go before what other options mean. */
  limits?: Limits
}

/** node:http2's server, and what goaway has besides. */
export interface GoawayHttp2Server extends Http2Server {
  /** How long close() lets open streams go on, in milliseconds; may be changed. */
  drainMs: number
  /** What became of every session; null until the server has closed. */
  readonly report: Report | null
  /** The live sessions. */
  readonly sessions: ServerHttp2Session[]
  /** Ends in `drainMs` and a second at most. Called again it can only shorten the time. */
  close (callback?: (error?: Error) => void): this
  close (options: { drainMs?: number }, callback?: (error?: Error) => void): this
  /** Ends the sessions that have no stream. */
  closeIdleConnections (): void
  /** Ends all sessions now; the server goes on. */
  closeAllConnections (): void
  /** Ends each session when its streams have ended; the server goes on. */
  closeHttp2Sessions (): void
}

type OnRequest = (request: Http2ServerRequest, response: Http2ServerResponse) => void

export function createServer (onRequest?: OnRequest): GoawayHttp2Server
export function createServer (options: GoawayServerOptions, onRequest?: OnRequest): GoawayHttp2Server

/** Throws: TLS is not there yet. */
export function createSecureServer (options: SecureServerOptions, onRequest?: OnRequest): never
