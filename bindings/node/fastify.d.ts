// Fastify over goaway.

import { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { Features, HealthPaths, Limits } from './index.js'
import { GoawayHttp2Server } from './http2.js'

type Handler = (request: Http2ServerRequest, response: Http2ServerResponse) => void
type ServerFactory = (handler: Handler, options: Record<string, any>) => GoawayHttp2Server

export interface ServerFactoryOptions {
  /** How long `app.close()` lets open streams go on, in milliseconds; 5000 if left out. A second later it has closed. */
  drainMs?: number
  /** How long `app.close()` waits before it begins, in milliseconds; 0 if left out. Meanwhile `app.server.ready` is false, and it serves as before. */
  shutdownDelayMs?: number
  /** The paths of health checks that goaway responds to; routes and hooks do not see them. */
  health?: HealthPaths
  /** Limits of goaway by name. */
  limits?: Limits
  /** Features of goaway by name. */
  features?: Features
}

/** fastify({ http2: true, serverFactory }): goaway serves. `app.server.report` tells how it closed. */
export const serverFactory: ServerFactory

/** A `serverFactory` with options of its own. */
export function createServerFactory (options?: ServerFactoryOptions): ServerFactory
