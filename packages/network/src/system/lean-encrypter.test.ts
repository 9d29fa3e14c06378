import { Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { seededRandom, silentLogger, systemClock, type Connection } from '@selvedge/core'
import { openMesh } from '../open-mesh.js'
import { testKey, testRoster } from '../testing/fixtures.js'
import { waitQuietly } from './lean-encrypter.js'

const [one, two] = [testKey(1), testKey(2)]
const messages = 100

afterEach(() => void vi.restoreAllMocks())

/** Sends frames one at a time, each when the one before has arrived; gives the two ends' closing. */
async function exchange(): Promise<void> {
  const common = { roster: testRoster('hq', [one, two]), clock: systemClock, random: seededRandom(1), log: silentLogger }
  let accept!: (connection: Connection) => void
  const accepted = new Promise<Connection>(resolve => (accept = resolve))
  const listener = await openMesh({ ...common, key: one, listen: ['/ip4/127.0.0.1/tcp/0'], onConnection: accept })
  const dialler = await openMesh({ ...common, key: two, listen: [], onConnection: () => {} })
  const left = await dialler.dial(listener.addresses[0]!)
  const right = await accepted
  let arrived = (): void => {}
  right.attach({ frame: () => arrived(), drain: () => {}, closed: () => {} })
  left.attach({ frame: () => {}, drain: () => {}, closed: () => {} })
  counting.begin()
  for (let i = 0; i < messages; i++) {
    const next = new Promise<void>(resolve => (arrived = resolve))
    left.send(Uint8Array.of(1, 2, 3))
    await next
  }
  counting.end()
  await Promise.all([dialler.close(), listener.close()])
}

const counting = { begin: (): void => {}, end: (): void => {} }

describe('a message of a mesh connection', () => {
  test('is written with one call', async () => {
    let writes = 0
    counting.begin = () => {
      const write = Socket.prototype.write
      vi.spyOn(Socket.prototype, 'write').mockImplementation(function (this: Socket, ...args: unknown[]) {
        writes++
        return Reflect.apply(write, this, args) as boolean
      })
    }
    counting.end = () => void vi.restoreAllMocks()
    await exchange()
    // A ping of libp2p's own may come between.
    expect(writes).toBeGreaterThanOrEqual(messages)
    expect(writes).toBeLessThan(1.2 * messages)
  })

  test('is waited for without an error thrown', async () => {
    let errors = 0
    const Original = globalThis.RangeError
    counting.begin = () => {
      globalThis.RangeError = new Proxy(Original, {
        construct: (target, args, self) => {
          errors++
          return Reflect.construct(target, args, self) as object
        }
      })
    }
    counting.end = () => void (globalThis.RangeError = Original)
    await exchange()
    expect(errors).toBe(0)
  })
})

test('a length that is there is decoded as before, one that is not is more than a message can have', () => {
  const decoder = { lengthDecoder: (bytes: ArrayLike<number>) => bytes[0]! * 256 + bytes[1]! }
  waitQuietly(decoder)
  expect([[], [1], [1, 2], [0, 0, 9]].map(bytes => decoder.lengthDecoder(bytes))).toEqual([65_535, 65_535, 258, 0])
})
