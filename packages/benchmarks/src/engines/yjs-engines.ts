/** Yjs twice: a Y.Map of Y.Maps, one a unit, and the YKeyValue that Yjs recommends for keys that are overwritten again and again. */
import { YKeyValue } from 'y-utility/y-keyvalue'
import * as Y from 'yjs'
import { unitAndPoint } from '../workload.js'
import { wireBytes, type Engine, type EngineKind } from './engine.js'

interface Keys {
  set(key: string, value: number): unknown
  get(key: string): number | undefined
}

class YjsEngine implements Engine {
  private readonly doc = new Y.Doc()
  private readonly keys: Keys

  constructor(keys: (doc: Y.Doc) => Keys) {
    this.keys = keys(this.doc)
  }

  write(points: readonly (readonly [string, number])[]): void {
    this.doc.transact(() => {
      for (const [path, value] of points) this.keys.set(path, value)
    })
  }

  get(path: string): number | undefined {
    return this.keys.get(path)
  }

  /** State vectors, what each lacks (encoding 2, the smaller), then what observers make of it, as a provider does. */
  meet(other: Engine): number {
    const docs = [this.doc, (other as YjsEngine).doc] as const
    let bytes = 0
    const pass = (update: Uint8Array, to: Y.Doc): void => {
      bytes += wireBytes(update)
      Y.applyUpdateV2(to, update, 'wire')
    }
    const later: [Uint8Array, Y.Doc][] = []
    const listeners = docs.map((doc, i) => {
      const listener = (update: Uint8Array, origin: unknown): void => {
        if (origin !== 'wire') later.push([update, docs[1 - i]!])
      }
      doc.on('updateV2', listener)
      return () => doc.off('updateV2', listener)
    })
    const vectors = docs.map(doc => Y.encodeStateVector(doc))
    for (const vector of vectors) bytes += wireBytes(vector)
    const updates = docs.map((doc, i) => Y.encodeStateAsUpdateV2(doc, vectors[1 - i]))
    for (const [i, update] of updates.entries()) pass(update, docs[1 - i]!)
    for (let next = later.shift(); next; next = later.shift()) pass(...next)
    for (const stop of listeners) stop()
    return bytes
  }
}

/** Points in the maps of their units. */
function unitMaps(doc: Y.Doc): Keys {
  const units = doc.getMap<Y.Map<number>>('units')
  return {
    get: path => {
      const [unit, point] = unitAndPoint(path)
      return units.get(unit)?.get(point)
    },
    set: (path, value) => {
      const [unit, point] = unitAndPoint(path)
      const map = units.get(unit) ?? units.set(unit, new Y.Map<number>())
      map.set(point, value)
    }
  }
}

export const yMap: EngineKind = { name: 'Y.Map', open: () => new YjsEngine(unitMaps) }

export const yKeyValue: EngineKind = {
  name: 'YKeyValue',
  open: () => new YjsEngine(doc => new YKeyValue<number>(doc.getArray('points')))
}
