/**
 * Changes as an async iterable. While the reader is behind, changes of one point coalesce to the latest, so what waits is bounded by
 * the number of points and nothing newest is missed.
 */
import type { PointChange } from './changes.js'

export class WatchIterator implements AsyncIterableIterator<PointChange>, Disposable {
  private readonly waiting = new Map<string, PointChange>()
  private readonly readers: ((result: IteratorResult<PointChange>) => void)[] = []
  private readonly stop: () => void
  private done = false

  constructor(subscribe: (deliver: (changes: readonly PointChange[]) => void) => () => void) {
    this.stop = subscribe(changes => changes.forEach(change => this.push(change)))
  }

  private push(change: PointChange): void {
    if (this.done) return
    const reader = this.readers.shift()
    if (reader) return reader({ value: change, done: false })
    const key = `${change.path}\u0000${change.slot}`
    // Re-inserted, so that order stays that of the latest change.
    this.waiting.delete(key)
    this.waiting.set(key, change)
  }

  next(): Promise<IteratorResult<PointChange>> {
    const oldest = this.waiting.entries().next()
    if (!oldest.done) {
      const [key, change] = oldest.value
      this.waiting.delete(key)
      return Promise.resolve({ value: change, done: false })
    }
    if (this.done) return Promise.resolve({ value: undefined, done: true })
    return new Promise(resolve => this.readers.push(resolve))
  }

  return(): Promise<IteratorResult<PointChange>> {
    this.end()
    return Promise.resolve({ value: undefined, done: true })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  [Symbol.dispose](): void {
    this.end()
  }

  private end(): void {
    if (this.done) return
    this.done = true
    this.stop()
    this.waiting.clear()
    for (const reader of this.readers.splice(0)) reader({ value: undefined, done: true })
  }
}
