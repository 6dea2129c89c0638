// How much processor time a request costs, of the whole process with all its
// threads, and how many there are in a second: goaway for Node.js beside
// node:http2 and Fastify, in the same run.
//
//   node bench.js [--quick] [--rounds N] [--only NAME,NAME] [--node PATH] [--no-memory]
//
// Needs Linux, two cores and h2load. The server runs on core 0 ("one core") or
// on both ("two cores"); h2load on core 1.

import { spawn, execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import http2 from 'node:http2'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'goaway,stream,stream+goaway,compat,compat+goaway,fastify,fastify+goaway' },
    node: { type: 'string', default: process.execPath },
    'no-memory': { type: 'boolean', default: false }
  }
})
const SERVERS = options.only.split(',')
const ROUNDS = options.quick ? 1 : Number(options.rounds)
const IDLE_SESSIONS = options.quick ? 200 : 2000
const PORT = 18790

const body = join(mkdtempSync(join(tmpdir(), 'goaway-bench-')), 'kib')
writeFileSync(body, Buffer.alloc(1024, 'y'))
const scale = (count) => String(options.quick ? Math.ceil(count / 20) : count)
const LOADS = {
  'hello 32x32': ['/', ['-c32', '-m32', '-n', scale(100000)]],
  'hello 1x1': ['/', ['-c1', '-m1', '-n', scale(10000)]],
  'echo 1 KiB 32x32': ['/echo', ['-c32', '-m32', '-n', scale(50000), '-d', body]],
  'big 8 MiB 4x2': ['/big', ['-c4', '-m2', '-n', scale(160)]]
}

/** Nanoseconds on a processor of all threads of the process. */
function processorTime (pid) {
  let sum = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  }
  return sum
}

function resident (pid) {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) * 1024
}

/** `NAME+goaway` is the program NAME with its http2.createServer swapped. */
function start (name, cores) {
  const [program, swap] = name.split('+')
  const flags = swap === undefined ? [] : ['-r', join(here, '../../bindings/node/register.js')]
  const child = spawn('taskset', ['-c', cores, options.node, ...flags, join(here, 'servers', `${program}.js`), String(PORT)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, WORKERS: cores === '0' ? '1' : '2' }
  })
  return new Promise((resolve, reject) => {
    child.stdout.once('data', () => resolve(child))
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)))
  })
}

function stop (child) {
  return new Promise((resolve) => {
    child.once('exit', resolve)
    child.kill('SIGKILL')
  })
}

/** One run of h2load: { us, rate } a request. Throws if a request failed. */
function measure (pid, [path, args]) {
  const before = processorTime(pid)
  const out = execFileSync('taskset', ['-c', '1', 'h2load', '-w18', '-W20', ...args, `http://127.0.0.1:${PORT}${path}`], { encoding: 'utf8', timeout: 120_000 })
  const spent = processorTime(pid) - before
  const [, total, succeeded] = out.match(/requests: (\d+) total, .* (\d+) succeeded, /)
  if (total !== succeeded) throw new Error(`${path}: ${succeeded} of ${total} succeeded`)
  return { us: spent / 1000 / Number(total), rate: Number(out.match(/finished in [^,]*, ([\d.]+) req/)[1]) }
}

const median = (numbers) => numbers.sort((one, other) => one - other)[numbers.length >> 1]

async function compare (cores) {
  const seen = Object.fromEntries(SERVERS.map((name) => [name, Object.fromEntries(Object.keys(LOADS).map((load) => [load, []]))]))
  for (const name of SERVERS) {
    const child = await start(name, cores)
    try {
      for (const load of Object.values(LOADS)) measure(child.pid, load) // warm
      for (let round = 0; round < ROUNDS; round++) {
        for (const [load, what] of Object.entries(LOADS)) seen[name][load].push(measure(child.pid, what))
      }
    } finally {
      await stop(child)
    }
  }
  return seen
}

/** What a server is compared with: the same program on node:http2. */
function peerOf (name) {
  return name === 'goaway' ? 'stream' : name.split('+')[0]
}

function print (title, seen) {
  console.log(`\n### ${title}\n\n| load | ${SERVERS.join(' | ')} |\n|---|${SERVERS.map(() => '---|').join('')}`)
  for (const load of Object.keys(LOADS)) {
    const cells = SERVERS.map((name) => {
      const peer = seen[peerOf(name)]
      const base = peer && median(peer[load].map(({ us }) => us))
      const us = median(seen[name][load].map(({ us }) => us))
      const rate = median(seen[name][load].map(({ rate }) => rate))
      return `${us.toFixed(us < 100 ? 2 : 0)} us, ${Math.round(rate)}/s${base ? ` (${(us / base).toFixed(2)})` : ''}`
    })
    console.log(`| ${load} | ${cells.join(' | ')} |`)
  }
}

/** Bytes of resident memory that an idle session holds which has served once. */
async function memory (name) {
  const child = await start(name, '0')
  const clients = []
  const open = () => new Promise((resolve, reject) => {
    const client = http2.connect(`http://127.0.0.1:${PORT}`)
    clients.push(client)
    client.on('error', reject)
    client.request({ ':path': '/' }).on('error', reject).on('close', resolve).resume()
  })
  try {
    for (let count = 0; count < 50; count++) await open()
    const before = resident(child.pid)
    for (let count = 0; count < IDLE_SESSIONS; count++) await open()
    return (resident(child.pid) - before) / IDLE_SESSIONS
  } finally {
    for (const client of clients) client.on('error', () => {}).destroy()
    await stop(child)
  }
}

if (!existsSync('/proc/self/schedstat')) throw new Error('this needs Linux with schedstat')
console.log(`Node.js ${execFileSync(options.node, ['--version'], { encoding: 'utf8' }).trim()}; processor time a request of the whole process, requests a second, (time beside the same program on node:http2; goaway's own interface beside node:http2's streams)`)
print('one core', await compare('0'))
print('two cores', await compare('0,1'))
if (!options['no-memory']) {
  console.log(`\n### memory of an idle session (${IDLE_SESSIONS} of them)\n`)
  for (const name of SERVERS) console.log(`- ${name}: ${((await memory(name)) / 1024).toFixed(1)} KiB`)
}
