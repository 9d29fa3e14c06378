/** What is still to happen, by time and then by the order of asking: a binary heap. */

export interface QueuedEvent {
  readonly atMs: number
  readonly order: number
  /** Who it happens to: a process, a wire, a fault. */
  readonly actor: string
  readonly label: string
  /** `undefined` once cancelled: it is passed over. */
  run: (() => void) | undefined
}

export class EventQueue {
  private readonly heap: QueuedEvent[] = []
  private orders = 0
  private cancelled = 0

  /** Events that will happen, unless they are cancelled. */
  get size(): number {
    return this.heap.length - this.cancelled
  }

  add(atMs: number, actor: string, label: string, run: () => void): QueuedEvent {
    const event = { atMs, order: this.orders++, actor, label, run }
    this.heap.push(event)
    this.rise(this.heap.length - 1)
    return event
  }

  cancel(event: QueuedEvent): void {
    if (event.run === undefined) return
    event.run = undefined
    this.cancelled++
    if (this.cancelled > 64 && this.cancelled > this.heap.length / 2) this.sweep()
  }

  /** When the next event is; undefined: nothing is to happen. */
  peekMs(): number | undefined {
    this.dropCancelled()
    return this.heap[0]?.atMs
  }

  take(): QueuedEvent | undefined {
    this.dropCancelled()
    return this.pop()
  }

  private dropCancelled(): void {
    while (this.heap.length > 0 && this.heap[0]!.run === undefined) {
      this.pop()
      this.cancelled--
    }
  }

  private pop(): QueuedEvent | undefined {
    const first = this.heap[0]
    const last = this.heap.pop()
    if (first === undefined || last === undefined || this.heap.length === 0) return first
    this.heap[0] = last
    this.sink(0)
    return first
  }

  private sweep(): void {
    const left = this.heap.filter(event => event.run !== undefined)
    this.heap.length = 0
    this.cancelled = 0
    // A sorted list is a heap.
    this.heap.push(...left.sort((a, b) => (isBefore(a, b) ? -1 : 1)))
  }

  private rise(index: number): void {
    const { heap } = this
    const event = heap[index]!
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(event, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = event
  }

  private sink(index: number): void {
    const { heap } = this
    const event = heap[index]!
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, event)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = event
  }
}

function isBefore(a: QueuedEvent, b: QueuedEvent): boolean {
  return a.atMs !== b.atMs ? a.atMs < b.atMs : a.order < b.order
}
