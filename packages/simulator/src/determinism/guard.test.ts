import './system/guard.js'
import { createHash, randomBytes } from 'node:crypto'
import { readFile, readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { gzip, gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Kernel } from '../kernel.js'
import { tracedRun } from './traced-run.js'

async function within(run: () => unknown): Promise<unknown> {
  const kernel = new Kernel()
  let given: unknown
  kernel.after(1, 'a', 'act', () => void (given = run()))
  await kernel.runUntil(10)
  return given
}

describe('the guard', () => {
  const forbidden: Record<string, () => unknown> = {
    'Date.now': () => Date.now(),
    'new Date()': () => new Date(),
    'Date()': () => Date(),
    'performance.now': () => performance.now(),
    'process.hrtime': () => process.hrtime(),
    setTimeout: () => setTimeout(() => undefined, 0),
    setInterval: () => setInterval(() => undefined, 1_000),
    setImmediate: () => setImmediate(() => undefined),
    fetch: () => fetch('http://127.0.0.1:1/'),
    'Math.random': () => Math.random(),
    'crypto.getRandomValues': () => globalThis.crypto.getRandomValues(new Uint8Array(4)),
    'crypto.randomUUID': () => globalThis.crypto.randomUUID(),
    'crypto.subtle.digest': () => globalThis.crypto.subtle.digest('SHA-256', new Uint8Array(1)),
    'node:crypto randomBytes': () => randomBytes(4),
    'node:zlib gzip': () => gzip(new Uint8Array(1), () => undefined),
    'node:net connect': () => connect(1),
    'node:fs readFile': () => readFile('/dev/null', () => undefined),
    'node:fs readFileSync': () => readFileSync('/dev/null'),
    'node:fs/promises stat': () => stat('/dev/null')
  }

  for (const [what, reach] of Object.entries(forbidden))
    it(`ends a run in which ${what} is reached, with a stack, though the error is caught`, async () => {
      const caught = within(() => {
        try {
          return reach()
        } catch {
          return 'caught'
        }
      })
      await expect(caught).rejects.toMatchObject({
        message: expect.stringContaining(`simulated code reached ${what}`),
        stack: expect.stringContaining('guard.test')
      })
    })

  it('sees what follows from an event in promises', async () => {
    const later = within(
      () =>
        void Promise.resolve()
          .then(() => Date.now())
          .catch(() => undefined)
    )
    await expect(later).rejects.toThrow('reached Date.now')
  })

  it('lets pass what only computes, and everything outside of a simulation', async () => {
    expect(await within(() => createHash('sha256').update(gzipSync('x')).digest('hex').length)).toBe(64)
    expect(await within(() => new Date(0).getTime())).toBe(0)
    expect(new Date() instanceof Date).toBe(true)
    expect([Date.now(), performance.now(), Math.random()].every(Number.isFinite)).toBe(true)
    await new Promise(resolve => setTimeout(resolve, 0))
  })

  it('finds nothing in a site, a relay, a shared document and a config document', async () => {
    const { events, hash } = await tracedRun(3)
    expect(events).toBeGreaterThan(1_000)
    expect(hash).toMatch(/^[0-9a-f]{16}$/)
  })
})
