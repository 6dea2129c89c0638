// Runs Fastify on goaway.

import { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { Features, HealthPaths, Limits } from './index.js'
import { GoawayHttp2Server } from './http2.js'

type Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void
type ServerFactory = (handler: Handler, options: Record<string, any>) => GoawayHttp2Server

export interface ServerFactoryOptions {
  /**
   * How long `app.close()` lets open streams continue, in milliseconds. Default 5000. It completes
   * at most one second later.
   */
  drainMs?: number
  /**
   * How long `app.close()` waits before it begins, in milliseconds. Default 0. Meanwhile
   * `app.server.ready` is false, and the server serves as before.
   */
  shutdownDelayMs?: number
  /** The paths of health checks that goaway responds to. Routes and hooks do not see them. */
  health?: HealthPaths
  /** Limits of goaway by name. */
  limits?: Limits
  /** Features of goaway by name. */
  features?: Features
}

/**
 * The server factory for fastify({ http2: true, serverFactory }). `app.server.report` is the report
 * of the close.
 */
export const serverFactory: ServerFactory

/** Creates a server factory with options. */
export function createServerFactory (options?: ServerFactoryOptions): ServerFactory
