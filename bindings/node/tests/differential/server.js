'use strict'

// Carries out the server's part of a program, in either API, and writes down
// what the program sees of it.

const ERROR = 'the error of the program'

const bytes = ({ size, text }) => text ? 'x'.repeat(size) : Buffer.alloc(size, 'x')
const codeOf = (error) => error.code ?? (error.message === ERROR ? 'own' : error.message)

/**
 * What a program sees: the results of its calls, the callbacks, and the events of
 * each emitter, each in their order. When an event comes among the calls of later
 * turns is a matter of time, and not compared.
 */
class Trace {
  calls = []
  callbacks = []
  events = {}
  /** What the stream says when it has closed, and after the last steps. */
  state = null
  lastState = null
  /** Bytes of the request's body that the program has read. */
  read = 0
}

/** The events of a stream's two sides. How those of one side come among those of the other is a matter of time. */
const SIDES = { written: ['finish', 'drain', 'frameError', 'aborted', 'error', 'close'], read: ['end', 'aborted', 'error', 'close'] }

/** Has the trace tell of an emitter's events. */
function watch (emitter, name, trace) {
  for (const [side, events] of Object.entries(SIDES)) {
    const seen = trace.events[`${name} ${side}`] = []
    for (const event of events) {
      emitter.on(event, (first, code) => {
        if (event === 'error') seen.push(`error ${codeOf(first)}`)
        else seen.push(event === 'frameError' ? `frameError ${first} ${code}` : event)
      })
    }
  }
}

/** What a stream says of itself. */
function state (stream) {
  const of = ['headersSent', 'closed', 'destroyed', 'aborted', 'rstCode', 'writableEnded', 'writableFinished', 'writable', 'readableEnded']
  return of.map((name) => `${name}=${stream[name]}`).join(' ')
}

/** The steps, by name, for a stream of the stream API. */
const STREAM = {
  respond ({ stream }, { status, fields, endStream, waitForTrailers }) {
    const headers = status === undefined ? fields : { ':status': status, ...fields }
    stream.respond({ ...headers }, { endStream, waitForTrailers })
  },
  additionalHeaders: ({ stream }, { status, fields }) => stream.additionalHeaders({ ':status': status, ...fields }),
  sendTrailers: ({ stream }) => stream.sendTrailers({ 'x-late': '1' }),
  close: ({ stream, told }, { code, callback }) => stream.close(code, callback ? told('close callback') : undefined),
  destroy: ({ stream }, { error }) => { stream.destroy(error ? new Error(ERROR) : undefined) }
}

/** The steps that differ in the compatibility API. */
const COMPAT = {
  setHeader ({ response }, { fields }) {
    for (const [name, value] of Object.entries(fields)) response.setHeader(name, value)
  },
  removeHeader: ({ response }, { name }) => response.removeHeader(name),
  statusCode: ({ response }, { status }) => { response.statusCode = status },
  writeHead: ({ response }, { status, fields }) => { response.writeHead(status, fields && { ...fields }) },
  flushHeaders: ({ response }) => response.flushHeaders(),
  writeContinue: ({ response }) => response.writeContinue(),
  writeEarlyHints: ({ response }) => response.writeEarlyHints({ link: '</a>; rel=preload' }),
  setTrailer: ({ response }) => response.setTrailer('x-late', '1'),
  close: STREAM.close,
  destroy: ({ response }, { error }) => { response.destroy(error ? new Error(ERROR) : undefined) }
}

/** Steps of both. */
const COMMON = {
  write: ({ out, told }, step) => out.write(bytes(step), step.callback ? told(`write ${step.size}`) : undefined),
  end ({ out, told }, step) {
    const callback = step.callback ? told('end callback') : undefined
    if (step.data) out.end(bytes(step), callback)
    else out.end(callback)
  },
  cork: ({ out }) => out.cork(),
  uncork: ({ out }) => out.uncork(),
  read ({ incoming, trace }) {
    incoming.on('data', (data) => { trace.read += data.length })
  }
}

/** Carries out steps one after the other, in the turns that they name. */
async function carryOut (context, steps, phase) {
  const { trace, stream, api } = context
  for (const step of steps) {
    if (step.turn === 'immediate') await new Promise(setImmediate)
    else if (step.turn === 'tick') await new Promise(process.nextTick)
    const act = api[step.step] ?? COMMON[step.step]
    try {
      const result = act(context, step)
      trace.calls.push(`${phase}${step.step}${step.step === 'write' ? ` -> ${result}` : ''}: headersSent=${stream.headersSent}`)
    } catch (error) {
      trace.calls.push(`${phase}${step.step} throws ${codeOf(error)}`)
    }
  }
}

/**
 * Serves one request as the program says. Resolves to its trace when the stream
 * has closed, or `patience` has ended.
 */
async function serve (program, { stream, request, response }, patience) {
  const trace = new Trace()
  const told = (name) => (error) => trace.callbacks.push(`${name} called ${error ? codeOf(error) : 'back'}`)
  const compat = program.api === 'compat'
  const context = {
    trace,
    told,
    stream,
    response,
    api: compat ? COMPAT : STREAM,
    out: compat ? response : stream,
    incoming: compat ? request : stream
  }
  watch(stream, 'stream', trace)
  if (compat) {
    watch(request, 'request', trace)
    watch(response, 'response', trace)
  }
  if (!compat) stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '1' }))
  const closed = new Promise((resolve) => stream.once('close', resolve))
  if (program.reads) COMMON.read(context)
  await carryOut(context, program.steps, '')
  await Promise.race([closed, patience])
  await new Promise(setImmediate)
  trace.state = state(stream)
  // What is done with a stream that is still open would depend on when its client leaves.
  if (!stream.destroyed) return trace
  await carryOut(context, program.after, 'after ')
  await new Promise(setImmediate)
  trace.lastState = state(stream)
  return trace
}

module.exports = { serve }
