/** Operations on points, as any service does them. */
import type { Receipt } from '@selvedge/replica'
import fc, { type Arbitrary } from 'fast-check'
import type { Json } from '../plan/plan.js'
import type { OperationKind, Place } from './operation.js'

export interface PointChoice {
  /** How many points there are: few, and they are written on both sides of a cut. Default 12. */
  readonly points?: number
  /** The space's short name. Default `state`. */
  readonly space?: string
  readonly weight?: number
}

export interface ValueChoice extends PointChoice {
  /** Default: numbers, booleans, short texts. */
  readonly value?: Arbitrary<Json>
}

const levels = ['local', 'site', 'relay'] as const
const level = fc.constantFrom(...levels)
const anyValue: Arbitrary<Json> = fc.oneof(
  fc.integer({ min: -1_000, max: 1_000 }),
  fc.boolean(),
  fc.string({ maxLength: 12 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -40, max: 80 })
)

function pathOf({ points = 12 }: PointChoice, prefix: string): Arbitrary<string> {
  return fc.integer({ min: 1, max: points }).map(n => `${prefix}/${n}`)
}

/** The name that a kind has in plans: in another space it is another kind. */
function named(kind: string, { space = 'state' }: PointChoice): string {
  return space === 'state' ? kind : `${kind}@${space}`
}

function pointsAt({ site }: Place, { space = 'state' }: PointChoice) {
  return site.space(space).points
}

/** Waits for the receipt, as a service does that tells somebody; a node that is gone by then has told nobody. */
function awaited(receipt: Receipt, at: (typeof levels)[number]): void {
  receipt.durable(at).catch(() => undefined)
}

function weighed({ weight }: PointChoice): { readonly weight?: number } {
  return weight === undefined ? {} : { weight }
}

/** Writes a point. */
export function set(choice: ValueChoice = {}): OperationKind<{ path: string; value: Json; level: (typeof levels)[number] }> {
  return {
    ...weighed(choice),
    kind: named('set', choice),
    arbitrary: fc.record({ path: pathOf(choice, 'point'), value: choice.value ?? anyValue, level }),
    run(place, { path, value, level }) {
      awaited(pointsAt(place, choice).set(path, value), level)
    },
    describe: ({ path, value }) => `writes ${path} = ${JSON.stringify(value)}`
  }
}

/** Deletes a point, whether it is there or not. */
export function remove(choice: PointChoice = {}): OperationKind<{ path: string; level: (typeof levels)[number] }> {
  return {
    ...weighed(choice),
    kind: named('delete', choice),
    arbitrary: fc.record({ path: pathOf(choice, 'point'), level }),
    run(place, { path, level }) {
      awaited(pointsAt(place, choice).delete(path), level)
    },
    describe: ({ path }) => `deletes ${path}`
  }
}

/** Writes and deletes several points together. */
export function batch(
  choice: ValueChoice = {}
): OperationKind<{ writes: { path: string; value: Json }[]; level: (typeof levels)[number] }> {
  const write = fc.record({
    path: pathOf(choice, 'point'),
    value: fc.oneof({ weight: 4, arbitrary: choice.value ?? anyValue }, fc.constant(null))
  })
  return {
    ...weighed(choice),
    kind: named('batch', choice),
    arbitrary: fc.record({ writes: fc.array(write, { minLength: 1, maxLength: 8 }), level }),
    run(place, { writes, level }) {
      const receipt = pointsAt(place, choice).batch(to => {
        for (const { path, value } of writes)
          if (value === null) to.delete(path)
          else to.set(path, value)
      })
      awaited(receipt, level)
    },
    describe: ({ writes }) =>
      `writes ${writes.map(({ path, value }) => `${path} = ${JSON.stringify(value)}`).join(', ')} together`
  }
}

/** A write that expires by itself: an override. */
export function override(choice: ValueChoice = {}): OperationKind<{ path: string; value: Json; expiresInMs: number }> {
  return {
    ...weighed(choice),
    kind: named('override', choice),
    arbitrary: fc.record({
      path: pathOf(choice, 'override'),
      value: choice.value ?? anyValue,
      expiresInMs: fc.integer({ min: 1_000, max: 3_600_000 })
    }),
    run(place, { path, value, expiresInMs }) {
      awaited(pointsAt(place, choice).set(path, value, { expiresInMs }), 'site')
    },
    describe: ({ path, value, expiresInMs }) =>
      `overrides ${path} = ${JSON.stringify(value)} for ${Math.round(expiresInMs / 1_000)}s`
  }
}

/** Adds to a counter; with an id, which may come twice, it counts once. */
export function increment(choice: PointChoice = {}): OperationKind<{ path: string; by: number; id: string | null }> {
  return {
    ...weighed(choice),
    kind: named('increment', choice),
    arbitrary: fc.record({
      path: pathOf(choice, 'counter'),
      by: fc.integer({ min: -5, max: 20 }).filter(by => by !== 0),
      id: fc.option(fc.integer({ min: 1, max: 200 }).map(n => `pulse-${n}`))
    }),
    run(place, { path, by, id }) {
      const { site, run, name } = place
      const space = site.space(choice.space ?? 'state')
      const counter = space.points.counter(path)
      // One id stands for one pulse: it adds the same wherever it is applied.
      const amount = id === null ? by : 1
      const receipt = counter.increment(amount, id === null ? {} : { id })
      run.history.add('incremented', {
        atMs: run.nowMs,
        host: name,
        space: space.id,
        path,
        by: amount,
        dot: receipt.dot,
        ...(id === null ? {} : { id })
      })
      awaited(receipt, 'site')
    },
    describe: ({ path, by, id }) => `adds ${id === null ? by : `1 (${id})`} to ${path}`
  }
}

const element = fc.constantFrom('a', 'b', 'c', 'd', 'e')

export function addElement(choice: PointChoice = {}): OperationKind<{ path: string; element: string }> {
  return {
    ...weighed(choice),
    kind: named('set-add', choice),
    arbitrary: fc.record({ path: pathOf(choice, 'set'), element }),
    run(place, { path, element }) {
      awaited(pointsAt(place, choice).elements(path).add(element), 'site')
    },
    describe: ({ path, element }) => `adds ${element} to ${path}`
  }
}

export function removeElement(choice: PointChoice = {}): OperationKind<{ path: string; element: string }> {
  return {
    ...weighed(choice),
    kind: named('set-remove', choice),
    arbitrary: fc.record({ path: pathOf(choice, 'set'), element }),
    run(place, { path, element }) {
      awaited(pointsAt(place, choice).elements(path).remove(element), 'site')
    },
    describe: ({ path, element }) => `takes ${element} out of ${path}`
  }
}

/** Fills or relinquishes a level of a priority array, for good or for a time. */
export function writePriority(
  choice: PointChoice = {}
): OperationKind<{ path: string; level: number; value: number | null; expiresInMs: number | null }> {
  return {
    ...weighed(choice),
    kind: named('priority-write', choice),
    arbitrary: fc.record({
      path: pathOf(choice, 'priority'),
      level: fc.integer({ min: 1, max: 16 }),
      value: fc.option(fc.integer({ min: 0, max: 100 })),
      expiresInMs: fc.option(fc.integer({ min: 1_000, max: 600_000 }))
    }),
    run(place, { path, level, value, expiresInMs }) {
      const array = pointsAt(place, choice).priority(path)
      awaited(
        value === null ? array.relinquish(level) : array.write(level, value, expiresInMs === null ? {} : { expiresInMs }),
        'site'
      )
    },
    describe: ({ path, level, value }) =>
      value === null ? `relinquishes ${path} at ${level}` : `writes ${path} = ${value} at ${level}`
  }
}

/** Reads a point: what a client sees in turn must make sense to it. */
export function read(choice: PointChoice = {}): OperationKind<{ path: string }> {
  return {
    ...weighed(choice),
    kind: named('read', choice),
    arbitrary: fc.record({ path: pathOf(choice, 'point') }),
    run({ site, run, name, client }, { path }) {
      const space = site.space(choice.space ?? 'state')
      const reading = space.points.get(path)
      run.history.add('read', {
        atMs: run.nowMs,
        host: name,
        space: space.id,
        path,
        slot: '',
        client,
        found: reading && { writer: reading.writer, atMs: reading.atMs, value: reading.value }
      })
    },
    describe: ({ path }) => `reads ${path}`
  }
}
