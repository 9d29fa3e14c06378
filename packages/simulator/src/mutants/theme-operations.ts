/** What is done in the mutants' scenarios beside the usual operations. */
import { isSelvedgeError } from '@selvedge/core'
import fc from 'fast-check'
import type { OperationKind } from '../operations/operation.js'
import type { ServiceStart } from '../plan/scene.js'

/** Over few paths: for a moment, or for good. */
function overriding(kind: string, expires: boolean): OperationKind<{ path: string; value: number; forMs: number }> {
  return {
    kind,
    arbitrary: fc.record({
      path: fc.integer({ min: 1, max: 2 }).map(n => `override/${n}`),
      value: fc.integer({ min: 0, max: 100 }),
      forMs: fc.integer({ min: 200, max: 4_000 })
    }),
    run: ({ site, run, name }, { path, value, forMs }) => {
      const { dot } = site.points.set(path, value, expires ? { expiresInMs: forMs } : {})
      run.history.add('written', { atMs: run.nowMs, host: name, space: site.space('state').id, path, dot, expires })
    },
    describe: ({ path, value, forMs }) => `writes ${path} = ${value} for ${expires ? `${forMs} ms` : 'good'}`
  }
}

export const takeOver = overriding('take-over', false)
export const brief = overriding('override-briefly', true)

/** The lowest levels of a priority array, one at a time: mostly the last alone is filled. */
export const lowLevel: OperationKind<{ level: number; value: number | null }> = {
  kind: 'low-level',
  arbitrary: fc.oneof(
    fc.record({ level: fc.constantFrom(15, 16, 16), value: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ level: fc.constantFrom(15, 15, 16), value: fc.constant(null) })
  ),
  run: ({ site }, { level, value }) => {
    const array = site.points.priority('damper')
    if (value === null) array.relinquish(level)
    else array.write(level, value)
  },
  describe: ({ level, value }) => (value === null ? `relinquishes ${level}` : `writes ${value} at ${level}`)
}

/** Texts of so many letters at least and at most. */
function text(kind: string, min: number, max: number): OperationKind<{ path: string; length: number }> {
  return {
    kind,
    arbitrary: fc.record({
      path: fc.integer({ min: 1, max: 8 }).map(n => `long/${n}`),
      length: fc.integer({ min, max })
    }),
    run: ({ site, operation }, { path, length }) => void site.points.set(path, operation.id.padEnd(length, '.')),
    describe: ({ path, length }) => `writes a text of ${length} letters at ${path}`
  }
}

/** Texts so long that a few of them fill a frame. */
export const longText = text('set-long', 10_000, 60_000)
/** So short that it takes many frames until credit is given back for them. */
export const shortText = text('set-short', 2_000, 12_000)

/** Writes, and asks only a while later whether that is durable, again and again, as who shows it does. */
export const askLater: OperationKind<{ path: string; value: number; afterMs: readonly number[] }> = {
  kind: 'set-ask-later',
  weight: 4,
  arbitrary: fc.record({
    path: fc.integer({ min: 1, max: 4 }).map(n => `asked/${n}`),
    value: fc.integer({ min: 0, max: 1_000 }),
    afterMs: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 5 })
  }),
  run: ({ site, clock }, { path, value, afterMs }) => {
    const receipt = site.points.set(path, value)
    for (const ms of afterMs) clock.setTimer(ms, () => void receipt.durable('local').catch(() => undefined))
  },
  describe: ({ path, value, afterMs }) =>
    `writes ${path} = ${value}, and asks after ${afterMs.join(', ')} ms whether that is durable`
}

const everyTickMs = 400

/** A sample that is taken on the tick of the wall clock, as services do that agree on when: of two nodes it has one stamp. */
export const sample: OperationKind<{ path: string; value: number }> = {
  kind: 'sample',
  weight: 4,
  arbitrary: fc.record({
    path: fc.integer({ min: 1, max: 2 }).map(n => `sample/${n}`),
    value: fc.integer({ min: 0, max: 1_000 })
  }),
  run: ({ site, clock }, { path, value }) => {
    clock.setTimer(everyTickMs - (clock.wallMs() % everyTickMs), () => void site.points.set(path, value))
  },
  describe: ({ path, value }) => `will sample ${path} = ${value}`
}

/** Notes in a config when it was started, as a service may do before it has heard of anybody. */
export async function noteStart({ site, clock, node }: ServiceStart<never>): Promise<void> {
  try {
    const config = await site.config('config-1')
    await config.change('started', draft => void (draft[`start of ${node}`] = clock.wallMs()))
  } catch (error) {
    // Over a disk that fails or is full it may be refused, and is not tried again.
    if (!isSelvedgeError(error)) throw error
  }
}
