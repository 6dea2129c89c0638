// goaway: an HTTP/2 server that knows how to leave. The same classes as
// CommonJS has, so that both may be used in one program.

import goaway from './index.js'

export const { Server, Listener, Request, Session, Tls, GoawayError, setLog, memoryUsage, version } = goaway
export default goaway
