/** A binary heap of things that fall due: expiries and shadows. Entries that no longer hold are passed over when they come up. */
export class DueQueue<T> {
  private readonly heap: { dueMs: number; item: T }[] = []

  get size(): number {
    return this.heap.length
  }

  /** When the first falls due. */
  peekMs(): number | undefined {
    return this.heap[0]?.dueMs
  }

  push(dueMs: number, item: T): void {
    const heap = this.heap
    let at = heap.push({ dueMs, item }) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (heap[parent]!.dueMs <= heap[at]!.dueMs) break
      ;[heap[parent], heap[at]] = [heap[at]!, heap[parent]!]
      at = parent
    }
  }

  /** Takes the first that is due at `nowMs`. */
  popDue(nowMs: number): { dueMs: number; item: T } | undefined {
    const heap = this.heap
    const first = heap[0]
    if (!first || first.dueMs > nowMs) return undefined
    const last = heap.pop()!
    if (heap.length > 0) {
      heap[0] = last
      this.sink()
    }
    return first
  }

  /** Rebuilds the heap from what still holds: keeps it O(live) when entries are overwritten faster than they fall due. */
  retain(holds: (item: T, dueMs: number) => boolean): void {
    const kept = this.heap.filter(entry => holds(entry.item, entry.dueMs))
    this.heap.length = 0
    for (const entry of kept) this.push(entry.dueMs, entry.item)
  }

  private sink(): void {
    const heap = this.heap
    let at = 0
    for (;;) {
      const left = at * 2 + 1
      const right = left + 1
      let least = at
      if (left < heap.length && heap[left]!.dueMs < heap[least]!.dueMs) least = left
      if (right < heap.length && heap[right]!.dueMs < heap[least]!.dueMs) least = right
      if (least === at) return
      ;[heap[least], heap[at]] = [heap[at]!, heap[least]!]
      at = least
    }
  }
}
