'use strict'

// Where goaway/http2 differs from node:http2 on purpose. Each difference says of
// which programs it speaks, and what then holds instead of equality; `ignores`
// takes out of both results what is not compared there.

const { NO_END } = require('./run.js')

const HEADS = ['respond', 'writeHead', 'flushHeaders']
const BODY = ['write', 'end']

const has = (program, ...names) => program.steps.some(({ step }) => names.includes(step))
const sends = (program, name) => program.steps.some(({ fields }) => fields !== undefined && name in fields)

/** Whether a head could not be sent, because of what it says. */
function failsAtHead (result) {
  const failed = result.server.calls?.find((call) => / throws (?!ERR_HTTP2_(HEADERS_SENT|INVALID_STREAM|TRAILERS|HEADERS_AFTER))/.test(call))
  return failed !== undefined && [...HEADS, ...BODY].includes(failed.split(' ')[0])
}

/** Whether something is written behind the end. */
function writesAfterEnd ({ steps }) {
  const end = steps.findIndex(({ step, endStream }) => step === 'end' || endStream === true)
  return end >= 0 && steps.slice(end + 1).some(({ step, data }) => step === 'write' || (step === 'end' && data))
}

/** Whether something of a body is written before the head is given. */
function writesBeforeHead ({ steps }) {
  const written = steps.findIndex(({ step, data }) => step === 'write' || (step === 'end' && data !== false))
  const head = steps.findIndex(({ step }) => HEADS.includes(step))
  return written >= 0 && (head < 0 || written < head)
}

/** Whether the response is reset with an error before its end. */
function isCut ({ request, steps }) {
  const last = steps.find(({ step, endStream }) => ['end', 'close', 'destroy'].includes(step) || endStream)
  return request.method !== 'HEAD' && last?.step === 'close' && last.code !== 0 && !steps.some(({ status }) => [204, 205, 304].includes(status))
}

/** Takes events out of those of a result. */
function dropEvents (result, ...names) {
  for (const [side, events] of Object.entries(result.server.events ?? {})) {
    result.server.events[side] = events.filter((event) => !names.includes(event.split(' ')[0]))
  }
}

/** Takes out how the response's end looked to the server. */
function dropEnd (result) {
  dropEvents(result, 'finish', 'drain', 'error')
  delete result.server.state
  delete result.server.lastState
  delete result.server.callbacks
}

/** Takes out what the client has seen of the response's head. */
function dropClientHead (result) {
  for (const name of ['informational', 'status', 'headers', 'dated']) delete result.client[name]
}

/** Takes out how the response's end looked to the client. */
function dropClientEnd (result) {
  for (const name of ['length', 'ended', 'code', 'error']) delete result.client[name]
}

const DIFFERENCES = [
  {
    reason: 'The bytes that arrive are those that were written; node:http2 of Node.js 20 may send others for a long string that waits for the window of its peer.',
    applies: () => true,
    holds: (program, plain, ours) => ours.client.intact,
    ignores (result) { delete result.client.intact }
  },
  {
    reason: "A stream always closes; in node:http2 one whose write waits for the window of its peer may never do so.",
    applies: (program, plain) => plain.server.events !== undefined && !plain.server.events['stream written'].includes('close'),
    holds: (program, plain, ours) => ours.server.events['stream written'].includes('close'),
    skips: true
  },
  {
    reason: 'A body that is written in response to HEAD before a head brings a default head; in node:http2 the stream fails, or no response is sent at all.',
    applies: (program) => program.api === 'stream' && program.request.method === 'HEAD' && writesBeforeHead(program),
    holds: (program, plain, ours) => ours.client.code === 0 || has(program, 'close', 'destroy'),
    skips: true
  },
  {
    reason: 'A head that failed is never replaced by a default head: the peer sees an error, or the status that the program names, where node:http2 sends 200.',
    applies: (program, plain) => failsAtHead(plain),
    holds: (program, plain, ours) => [null, plain.client.status, ...program.steps.map(({ status }) => status)].includes(ours.client.status),
    skips: true
  },
  {
    reason: 'A response does not carry `te`, which is a field of requests (RFC 9110, section 10.1.4); node:http2 sends it.',
    applies: (program) => sends(program, 'te'),
    holds: (program, plain, ours) => ours.client.headers === null || !('te' in ours.client.headers),
    skips: true
  },
  {
    reason: 'A body that does not fit its content-length fails where it is written; node:http2 sends it, and the peer finds a broken protocol. A response without a body has no content-length of another one.',
    applies: (program) => sends(program, 'content-length'),
    holds: (program, plain, ours) => ours.client.code !== 0 || plain.client.code !== 0 || ours.client.length === plain.client.length,
    skips: true
  },
  {
    reason: 'A response that is cut never looks whole: RST_STREAM without END_STREAM. node:http2 may send END_STREAM first. How much of the body leaves before a reset is a matter of time.',
    applies: (program) => has(program, 'close', 'destroy') || sends(program, 'x-too-long'),
    holds: (program, plain, ours) => !isCut(program) || ours.client.code !== 0 || ours.client.status === null,
    ignores (result) {
      dropEnd(result)
      dropClientEnd(result)
      dropClientHead(result)
      delete result.client.trailers
      dropEvents(result, 'aborted', 'frameError')
      delete result.server.read
      dropEvents(result, 'end')
    }
  },
  {
    reason: 'What is written behind the end fails, and does not take back what was written before it; in node:http2 it may destroy the stream before that is sent.',
    applies: (program) => writesAfterEnd(program) && !has(program, 'close', 'destroy'),
    holds: (program, plain, ours) => ours.client.code === 0 || plain.client.code !== 0,
    ignores (result) {
      dropEnd(result)
      dropClientEnd(result)
      dropEvents(result, 'end', 'frameError')
      delete result.server.read
      delete result.client.trailers
      delete result.open
      result.server.calls = result.server.calls?.filter((call) => !call.startsWith('after'))
    }
  },
  {
    reason: 'Where something written behind the end resets the stream, how much of the response leaves before the reset is a matter of time.',
    applies: (program, plain, ours) => writesAfterEnd(program) && plain.client.code !== 0 && ours.client.code !== 0,
    holds: () => true,
    ignores: dropClientHead
  },
  {
    reason: 'Trailers that are set behind the end come too late; node:http2 sends them if the end has not gone yet.',
    applies: ({ steps }) => steps.findIndex(({ step }) => step === 'setTrailer') > steps.findIndex(({ step }) => step === 'end') && has({ steps }, 'end'),
    holds: (program, plain, ours) => ours.client.trailers === null,
    ignores (result) { delete result.client.trailers }
  },
  {
    reason: "A response always emits 'close'; that of a HEAD request does not in node:http2, which takes it for ended from the beginning. When a stream of HEAD has nothing to read, its 'end' may come before or after 'close'.",
    applies: (program) => program.request.method === 'HEAD',
    holds: (program, plain, ours) => ours.server.events['stream written'].includes('close') || plain.open,
    ignores (result) {
      dropEvents(result, 'end', 'aborted')
      for (const side of ['response written', 'response read']) delete result.server.events[side]
    }
  },
  {
    reason: 'Trailers of a response that has no body are sent; node:http2 leaves them out if the end comes in a later turn.',
    applies: (program, plain, ours) => has(program, 'setTrailer') && plain.client.trailers === null && plain.client.length === 0,
    holds: (program, plain, ours) => ours.client.trailers === null || ours.client.trailers['x-late'] === '1',
    ignores (result) { delete result.client.trailers }
  },
  {
    reason: 'An informational response to a stream that is destroyed is not sent; node:http2 throws, as it does for what a peer has reset.',
    applies: (program, plain) => plain.server.calls?.some((call) => /(writeContinue|writeEarlyHints) throws ERR_HTTP2_INVALID_STREAM/.test(call)),
    holds: (program, plain, ours) => ours.client.status === null || plain.client.status === ours.client.status,
    ignores (result) { result.server.calls = result.server.calls.filter((call) => !/writeContinue|writeEarlyHints/.test(call)) }
  },
  {
    reason: "What is written behind a response without a body is left out; node:http2 may tell of an error, if its stream is still open.",
    applies: (program, plain) => [204, 205, 304].includes(plain.client.status) && (has(program, ...BODY) || has({ steps: program.after }, ...BODY)),
    holds: (program, plain, ours) => ours.client.code === 0 && ours.client.length === 0,
    ignores (result) {
      dropEnd(result)
      dropEvents(result, 'end')
      result.server.calls = []
    }
  },
  {
    reason: "The body of a request is read to its end behind a response without a body, too.",
    applies: (program, plain, ours) => plain.server.read < ours.server.read && [204, 205, 304].includes(plain.client.status),
    holds: (program, plain, ours) => ours.server.read === program.request.body,
    ignores (result) {
      dropEvents(result, 'end')
      delete result.server.read
      delete result.server.state
      delete result.server.lastState
    }
  },
  {
    reason: "Whether what is written in a later turn finds the buffer empty, and so whether 'drain' comes before the end, is a matter of time.",
    applies: ({ steps }) => steps.slice(0, 1 + steps.findLastIndex(({ step }) => BODY.includes(step))).some(({ turn }) => turn !== 'same'),
    holds: () => true,
    ignores (result) {
      dropEvents(result, 'drain')
      result.server.calls = result.server.calls?.map((call) => call.replace(/^write -> (true|false)/, 'write'))
    }
  },
  {
    reason: "'finish' and the callback of the end come for each response that was sent whole; node:http2 may close the stream first, and then tells neither.",
    applies: (program, plain) => program.client === 'reads' && !has(program, 'close', 'destroy') && !plain.server.events?.['stream written'].includes('finish'),
    holds: (program, plain, ours) => plain.client.code !== 0 || ours.client.code === 0,
    ignores: dropEnd
  },
  {
    reason: "The callback of a write whose bytes never left has the error; node:http2 calls it without one. Whether a peer that leaves with a full window is seen to reset its stream or its connection is a matter of time.",
    applies: (program) => program.client !== 'reads',
    holds: (program, plain, ours) => ours.server.events['stream written'].includes('close'),
    ignores: dropEnd
  }
]

/**
 * Compares two results of a program. Null if they are the same, or differ on
 * purpose. A result without a server's part is of a run that had too little time.
 */
function compare (program, plain, ours) {
  if (plain.server === NO_END || ours.server === NO_END) return { plain, ours }
  const [left, right] = [structuredClone(plain), structuredClone(ours)]
  for (const difference of DIFFERENCES) {
    if (!difference.applies(program, plain, ours)) continue
    if (!difference.holds(program, plain, ours)) return { difference: difference.reason, plain, ours }
    if (difference.skips) return null
    difference.ignores(left)
    difference.ignores(right)
  }
  return JSON.stringify(left) === JSON.stringify(right) ? null : { plain: left, ours: right }
}

module.exports = { compare, DIFFERENCES }
