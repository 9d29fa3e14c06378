/**
 * Live updates that came before what they follow: their content is kept, but they are not claimed until the gap is closed and
 * everything in the document has found what it depends on.
 */
import type { LiveUpdate } from './copy-contract.js'

export class FloatingUpdates {
  private updates: Omit<LiveUpdate, 'update'>[] = []

  /** At `max` the oldest is forgotten: its document is behind and will be pulled. */
  constructor(private readonly max: number) {}

  add({ id, engine, writer, from, to }: LiveUpdate): void {
    this.updates.push({ id, engine, writer, from, to })
    if (this.updates.length > this.max) this.updates.shift()
  }

  clear(): void {
    this.updates = []
  }

  /** Raises `included` by those that join on to it; says whether any did. */
  claim(included: Map<string, number>, settled: () => boolean): boolean {
    if (this.updates.length === 0) return false
    const count = (writer: string): number => included.get(writer) ?? 0
    let claimed = false
    for (let moved = true; moved;) {
      moved = false
      this.updates = this.updates.filter(({ writer, from, to }) => {
        if (to <= count(writer)) return false
        if (from > count(writer) || !settled()) return true
        included.set(writer, to)
        moved = claimed = true
        return false
      })
    }
    return claimed
  }
}
