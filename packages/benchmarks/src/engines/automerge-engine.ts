/** Automerge: a map a unit in one document; what a peer is known to have is kept between meetings, as automerge-repo does. */
import * as Automerge from '@automerge/automerge'
import { unitAndPoint } from '../workload.js'
import { wireBytes, type Engine, type EngineKind } from './engine.js'

class AutomergeEngine implements Engine {
  private doc = Automerge.init<Record<string, Record<string, number>>>()
  private readonly peers = new WeakMap<Engine, Uint8Array>()

  write(points: readonly (readonly [string, number])[]): void {
    this.doc = Automerge.change(this.doc, draft => {
      for (const [path, value] of points) {
        const [unit, point] = unitAndPoint(path)
        draft[unit] ??= {}
        draft[unit][point] = value
      }
    })
  }

  get(path: string): number | undefined {
    const [unit, point] = unitAndPoint(path)
    return this.doc[unit]?.[point]
  }

  meet(other: Engine): number {
    const sides = [this, other as AutomergeEngine] as const
    const states = sides.map((side, i) => {
      const known = side.peers.get(sides[1 - i]!)
      return known ? Automerge.decodeSyncState(known) : Automerge.initSyncState()
    })
    let bytes = 0
    for (let quiet = 0; quiet < 2;) {
      quiet = 0
      for (const i of [0, 1] as const) {
        const to = 1 - i
        const [state, message] = Automerge.generateSyncMessage(sides[i].doc, states[i]!)
        states[i] = state
        if (!message) {
          quiet++
          continue
        }
        bytes += wireBytes(message)
        const [doc, received] = Automerge.receiveSyncMessage(sides[to]!.doc, states[to]!, message)
        sides[to]!.doc = doc
        states[to] = received
      }
    }
    for (const [i, side] of sides.entries()) side.peers.set(sides[1 - i]!, Automerge.encodeSyncState(states[i]!))
    return bytes
  }
}

export const automerge: EngineKind = { name: 'Automerge', open: () => new AutomergeEngine() }
