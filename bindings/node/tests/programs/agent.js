'use strict'

// A tracing agent as commercial ones are: with HOOK=require it waits for
// `require('http2')`, with HOOK=now it wraps at once. It wraps the servers that
// are made, their `emit` and what their streams respond by, and tells its parent
// what it has seen.

const { AsyncLocalStorage } = require('node:async_hooks')
const Module = require('node:module')

const context = globalThis.agentContext = new AsyncLocalStorage()
const seen = globalThis.agentSeen = []

function wrap (owner, name, make) {
  const original = owner[name]
  owner[name] = make(original)
}

function wrapEmit (emit) {
  return function (event, ...args) {
    if (event === 'stream') {
      const [stream, headers] = args
      seen.push(`stream ${headers[':path']}`)
      wrap(stream, 'respond', (respond) => function (headers, options) {
        seen.push(`respond ${headers[':status']} ${context.getStore()}`)
        return respond.call(this, { ...headers, 'x-agent': 'seen' }, options)
      })
      return context.run(headers[':path'], () => emit.call(this, event, ...args))
    }
    if (event === 'request' || event === 'session' || event === 'connection') seen.push(`${event} ${context.getStore()}`)
    return emit.call(this, event, ...args)
  }
}

function wrapServers (http2) {
  for (const name of ['createServer', 'createSecureServer']) {
    wrap(http2, name, (create) => function (...args) {
      const server = create.apply(this, args)
      wrap(server, 'emit', wrapEmit)
      return server
    })
  }
}

if (process.env.HOOK === 'require') {
  let done = false
  wrap(Module.prototype, 'require', (require) => function (id) {
    const exports = require.call(this, id)
    if (done || (id !== 'http2' && id !== 'node:http2')) return exports
    done = true
    wrapServers(exports)
    return exports
  })
} else {
  wrapServers(require('node:http2'))
}
