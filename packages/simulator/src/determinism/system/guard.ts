/**
 * Loaded before everything else (`node --import @selvedge/simulator/guard`, or first in a test file), this makes whatever simulated
 * code would take from the machine throw, with a stack: clocks, timers, randomness, the thread pool, disk and sockets. Outside of the
 * events of a simulation nothing changes.
 *
 * A few libraries ask the machine for random numbers that decide nothing, or that are replaced right after. They get seeded ones.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { running, type Simulated } from '../running.js'

interface Substitute {
  readonly what: string
  /** A part of the file's path. */
  readonly within: string
  readonly why: string
}

/** Call sites inside of libraries that are given a seeded substitute. */
export const substitutes: readonly Substitute[] = [
  { what: 'crypto.getRandomValues', within: '/lib0/', why: 'a Y.Doc draws a client id, which is replaced at once' },
  {
    what: 'crypto.getRandomValues',
    within: 'automerge_wasm',
    why: 'a clone that gets an author draws an actor, which is replaced'
  }
]

/** What loads code, not what it does. */
const loaders = ['node:internal/modules', 'node:internal/bootstrap']

type Callable = (...args: unknown[]) => unknown
type Members = Record<string, unknown>

const require = createRequire(import.meta.url)
const installed = Symbol.for('@selvedge/simulator guard')

/** The simulation under way; undefined: none, or what calls is the machinery that loads code. Throws for everybody else. */
function guarded(what: string, substitute: boolean): Simulated | undefined {
  const { simulated } = running
  if (!simulated) return undefined
  const error = new Error(`simulated code reached ${what}: take it from the environment (Clock, Random, Store, the network)`)
  const stack = error.stack ?? ''
  if (loaders.some(part => stack.includes(part))) return undefined
  if (substitute && substitutes.some(known => known.what === what && stack.includes(known.within))) return simulated
  simulated.escaped(error)
  throw error
}

function forbid(owner: object, names: readonly string[], prefix: string): void {
  const members = owner as Members
  for (const name of names) {
    const original = members[name] as Callable | undefined
    if (typeof original !== 'function') continue
    const what = `${prefix}${name}`
    const trap = function (this: unknown, ...args: unknown[]): unknown {
      guarded(what, false)
      return new.target ? Reflect.construct(original, args, new.target) : Reflect.apply(original, this, args)
    }
    // Static members and prototype stay what they were: `setTimeout` has a promisified form, `Socket` is extended.
    for (const key of Reflect.ownKeys(original))
      if (Object.getOwnPropertyDescriptor(trap, key)?.configurable !== false)
        Object.defineProperty(trap, key, Object.getOwnPropertyDescriptor(original, key)!)
    trap.prototype = original.prototype as unknown
    Object.defineProperty(members, name, { value: trap, writable: true, configurable: true, enumerable: true })
  }
}

function guardTime(): void {
  const real = Date
  const now = real.now.bind(real)
  real.now = () => {
    guarded('Date.now', false)
    return now()
  }
  globalThis.Date = new Proxy(real, {
    construct(target, args: unknown[], newTarget) {
      if (args.length === 0) guarded('new Date()', false)
      return Reflect.construct(target, args, newTarget) as object
    },
    apply(target, self, args) {
      guarded('Date()', false)
      return Reflect.apply(target, self, args) as string
    }
  })
  for (const owner of [Object.getPrototypeOf(performance) as object, performance]) forbid(owner, ['now', 'mark'], 'performance.')
  forbid(process, ['hrtime', 'uptime'], 'process.')
  forbid(
    globalThis,
    ['setTimeout', 'setInterval', 'setImmediate', 'fetch', 'WebSocket', 'MessageChannel', 'BroadcastChannel'],
    ''
  )
}

function guardRandom(): void {
  const draw = Math.random.bind(Math)
  Math.random = () => guarded('Math.random', true)?.random.float() ?? draw()
  const prototype = Object.getPrototypeOf(globalThis.crypto) as Members
  const fill = prototype['getRandomValues'] as Callable
  prototype['getRandomValues'] = function (this: unknown, array: ArrayBufferView): unknown {
    const simulated = guarded('crypto.getRandomValues', true)
    if (!simulated) return Reflect.apply(fill, this, [array])
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(simulated.random.bytes(array.byteLength))
    return array
  }
  forbid(prototype, ['randomUUID'], 'crypto.')
  const subtle = Object.getPrototypeOf(globalThis.crypto.subtle) as object
  const asynchronous = ['digest', 'sign', 'verify', 'encrypt', 'decrypt', 'generateKey', 'importKey', 'exportKey', 'deriveBits']
  forbid(subtle, [...asynchronous, 'deriveKey', 'wrapKey', 'unwrapKey'], 'crypto.subtle.')
}

/** Of Node's modules what draws, waits, or leaves the thread. */
const modules: Readonly<Record<string, readonly string[]>> = {
  'node:crypto': [
    ...['randomBytes', 'randomInt', 'randomUUID', 'randomFill', 'randomFillSync', 'pbkdf2', 'scrypt', 'hkdf'],
    ...['generateKey', 'generateKeyPair', 'generateKeyPairSync', 'generateKeySync', 'generatePrime']
  ],
  'node:zlib': [
    'deflate',
    'inflate',
    'deflateRaw',
    'inflateRaw',
    'gzip',
    'gunzip',
    'unzip',
    'brotliCompress',
    'brotliDecompress'
  ],
  'node:timers': ['setTimeout', 'setInterval', 'setImmediate'],
  'node:timers/promises': ['setTimeout', 'setInterval', 'setImmediate'],
  'node:net': ['connect', 'createConnection', 'createServer', 'Socket', 'Server'],
  'node:tls': ['connect', 'createServer'],
  'node:http': ['request', 'get', 'createServer'],
  'node:https': ['request', 'get', 'createServer'],
  'node:http2': ['connect', 'createServer'],
  'node:dgram': ['createSocket'],
  'node:dns': ['lookup', 'resolve', 'resolve4', 'resolve6'],
  'node:dns/promises': ['lookup', 'resolve', 'resolve4', 'resolve6'],
  'node:child_process': ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'],
  'node:worker_threads': ['Worker']
}

function guardModules(): void {
  for (const [module, names] of Object.entries(modules)) forbid(require(module) as object, names, `${module} `)
  for (const module of ['node:fs', 'node:fs/promises']) {
    const members = require(module) as Members
    const isFunction = (name: string): boolean => typeof members[name] === 'function' && /^[a-z]/.test(name)
    forbid(members, Object.keys(members).filter(isFunction), `${module} `)
  }
  syncBuiltinESMExports()
}

const once = globalThis as unknown as Record<symbol, boolean | undefined>
if (!once[installed]) {
  once[installed] = true
  guardTime()
  guardRandom()
  guardModules()
}
