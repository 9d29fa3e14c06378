/** TinyBase: a MergeableStore with a row a unit and a cell a point; its synchronizer's messages, counted as its WebSocket synchronizer would send them. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createMergeableStore, type MergeableStore } from 'tinybase'
import { createCustomSynchronizer, type Receive, type Synchronizer } from 'tinybase/synchronizers'
import { unitAndPoint } from '../workload.js'
import { wireBytes, type Engine, type EngineKind } from './engine.js'

class TinyBaseEngine implements Engine {
  private readonly store: MergeableStore

  constructor(
    readonly name: string,
    nowMs: () => number
  ) {
    this.store = createMergeableStore(name, nowMs)
  }

  write(points: readonly (readonly [string, number])[]): void {
    this.store.transaction(() => {
      for (const [path, value] of points) this.store.setCell('points', ...unitAndPoint(path), value)
    })
  }

  get(path: string): number | undefined {
    return this.store.getCell('points', ...unitAndPoint(path)) as number | undefined
  }

  private get hashes(): string {
    return this.store.getMergeableContentHashes().join()
  }

  async meet(other: Engine): Promise<number> {
    const sides = [this, other as TinyBaseEngine] as const
    const receivers: Receive[] = []
    let bytes = 0
    const wire: { underWay: number; failed?: unknown } = { underWay: 0 }
    const join = (i: 0 | 1): Synchronizer =>
      createCustomSynchronizer(
        sides[i].store,
        (_to, request, message, body) => {
          bytes += wireBytes(`${sides[1 - i]!.name}\n${JSON.stringify([request, message, body])}`)
          wire.underWay++
          setImmediate(() => {
            wire.underWay--
            receivers[1 - i]?.(sides[i].name, request, message, body)
          })
        },
        receive => void (receivers[i] = receive),
        () => {},
        30,
        undefined,
        undefined,
        error => void (wire.failed ??= error)
      )
    const synchronizers = [join(0), join(1)] as const
    await Promise.all(synchronizers.map(synchronizer => synchronizer.startSync()))
    const settled = (): boolean => wire.underWay === 0 && sides[0].hashes === sides[1].hashes
    while (!settled() && wire.failed === undefined) await nextTurn()
    await Promise.all(synchronizers.map(synchronizer => synchronizer.destroy()))
    if (wire.failed !== undefined) throw new Error('TinyBase could not synchronise', { cause: wire.failed })
    return bytes
  }
}

export const tinyBase: EngineKind = { name: 'TinyBase', open: (replica, nowMs) => new TinyBaseEngine(replica, nowMs) }
