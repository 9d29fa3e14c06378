import { describe, expect, it } from 'vitest'
import type { ControlledSpace } from './controlled-space.js'
import { whenStored } from './stored.js'

/** A space whose disk begins to fail when told. */
function failing(): { space: ControlledSpace; fail: () => void; listeners: () => number } {
  const listeners = new Set<() => void>()
  const onDegraded = (listener: () => void): (() => void) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  const space = { api: { replica: { onDegraded } } } as unknown as ControlledSpace
  return { space, fail: () => listeners.forEach(listener => listener()), listeners: () => listeners.size }
}

const request = { within: (ms: number) => AbortSignal.timeout(ms) }
const never = new Promise<void>(() => {})

describe('the answer to an edit', () => {
  it('comes when the disk has it', async () => {
    const { space, listeners } = failing()
    expect(await whenStored(Promise.resolve('stored'), space, request)).toBe('stored')
    await expect(whenStored(Promise.reject(new Error('refused')), space, request)).rejects.toThrow('refused')
    expect(listeners()).toBe(0)
  })

  it('comes with a code as soon as the disk is seen to fail', async () => {
    const { space, fail, listeners } = failing()
    const answer = whenStored(never, space, request)
    fail()
    await expect(answer).rejects.toMatchObject({ code: 'RECEIPT_ABORTED' })
    expect(listeners()).toBe(0)
  })

  it('comes with a code when the disk neither stores nor fails', async () => {
    const { space } = failing()
    await expect(whenStored(never, space, request, 5)).rejects.toMatchObject({ code: 'RECEIPT_ABORTED' })
  })
})
