/** Loro: a LoroMap; version vectors, then the updates that the other lacks. */
import { LoroDoc } from 'loro-crdt'
import { wireBytes, type Engine, type EngineKind } from './engine.js'

class LoroEngine implements Engine {
  private readonly doc = new LoroDoc()
  private readonly map = this.doc.getMap('points')

  write(points: readonly (readonly [string, number])[]): void {
    for (const [path, value] of points) this.map.set(path, value)
    this.doc.commit()
  }

  get(path: string): number | undefined {
    return this.map.get(path) as number | undefined
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
