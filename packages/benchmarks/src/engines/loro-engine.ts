/** Loro: a LoroMap of LoroMaps, one a unit; version vectors, then the updates that the other lacks. */
import { LoroDoc, LoroMap } from 'loro-crdt'
import { unitAndPoint } from '../workload.js'
import { wireBytes, type Engine, type EngineKind } from './engine.js'

class LoroEngine implements Engine {
  private readonly doc = new LoroDoc()
  private readonly units = this.doc.getMap('points')

  write(points: readonly (readonly [string, number])[]): void {
    for (const [path, value] of points) {
      const [unit, point] = unitAndPoint(path)
      this.units.getOrCreateContainer(unit, new LoroMap()).set(point, value)
    }
    this.doc.commit()
  }

  get(path: string): number | undefined {
    const [unit, point] = unitAndPoint(path)
    return (this.units.get(unit) as LoroMap | undefined)?.get(point) as number | undefined
  }

  meet(other: Engine): number {
    const docs = [this.doc, (other as LoroEngine).doc] as const
    const vectors = docs.map(doc => doc.oplogVersion())
    const updates = docs.map((doc, i) => doc.export({ mode: 'update', from: vectors[1 - i]! }))
    let bytes = 0
    for (const [i, update] of updates.entries()) {
      bytes += wireBytes(vectors[i]!.encode()) + wireBytes(update)
      docs[1 - i]!.import(update)
    }
    return bytes
  }

  copyWithoutHistory(): number {
    return wireBytes(this.doc.export({ mode: 'shallow-snapshot', frontiers: this.doc.frontiers() }))
  }
}

export const loro: EngineKind = { name: 'Loro', open: () => new LoroEngine() }
