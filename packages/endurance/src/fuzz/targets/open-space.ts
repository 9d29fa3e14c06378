/** A space of a real replica in memory, with all that its users and its control API see. */
import { ManualClock, nodeId, seededRandom, silentLogger } from '@selvedge/core'
import { definePoints, type AnyPointSchema } from '@selvedge/documents'
import { Replica, SpaceApi, spaceRoutes, type Routes } from '@selvedge/replica'
import { MemoryStore } from '@selvedge/store'
import { wallMs } from './sample-values.js'
import { sessionSpace } from './session-side.js'

const schema = definePoints({
  'ahu/:unit/supply-temp': { type: 'number', unit: '°C', min: -40, max: 120, maxAgeMs: 60_000 },
  'door/:id/locked': { type: 'boolean' },
  'meter/:id/kwh': { type: 'counter' },
  'room/:id/badges': { type: 'set' },
  'zone/:id/level': { type: 'priority', value: { type: 'number', min: 0, max: 100 }, relinquishDefault: 20 }
})

export interface OpenSpace {
  readonly api: SpaceApi
  readonly routes: Routes
  readonly clock: ManualClock
  close(): Promise<void>
}

export async function openSpace(): Promise<OpenSpace> {
  const clock = new ManualClock(wallMs)
  const environment = { clock, random: seededRandom(1), log: silentLogger }
  const store = new MemoryStore({ clock })
  const replica = new Replica({ node: nodeId('node-a'), role: 'node', environment, store })
  const space = await moving(clock, replica.openSpace(sessionSpace, { residency: 'trunk', members: () => [] }))
  const api = new SpaceApi<AnyPointSchema>(space, schema, { isPresent: () => undefined, nameOf: node => node })
  const controlled = { site: 'hq', name: 'state', api, schema, nameOf: (node: string) => node }
  return {
    api,
    routes: spaceRoutes({ space: () => controlled, open: () => [controlled] }),
    clock,
    close: async () => {
      await moving(clock, replica.close())
      await moving(clock, store.close())
    }
  }
}

/** Lets a manual clock run until a promise is settled. */
export async function moving<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  const state = { done: false }
  const settled = promise.finally(() => (state.done = true))
  // It may fail before anybody has come to wait for it.
  settled.catch(() => {})
  for (let turn = 0; !state.done && turn < 10_000; turn++) {
    clock.advance(turn < 100 ? 0 : 100)
    await new Promise(resolve => setImmediate(resolve))
  }
  if (!state.done) throw new Error('it never ends')
  return settled
}
