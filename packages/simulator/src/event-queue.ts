/**
 * What is still to happen, by time and then by the order of asking. What is asked for at the present instant, which is most of it,
 * waits in a plain line; the rest in a binary heap.
 */
import type { Timer } from '@selvedge/core'

export class QueuedEvent implements Timer {
  /** Neither taken nor cancelled. */
  waits = true

  constructor(
    private readonly queue: EventQueue,
    readonly atMs: number,
    readonly order: number,
    /** Who it happens to: a process, a wire, a fault. */
    readonly actor: string,
    readonly label: string,
    readonly run: () => void
  ) {}

  cancel(): void {
    this.queue.cancel(this)
  }
}

export class EventQueue {
  private readonly heap: QueuedEvent[] = []
  /** All of one instant, before which nothing is left in the heap but what was asked for earlier. */
  private line: QueuedEvent[] = []
  private lineAt = 0
  private orders = 0
  private waiting = 0

  /** Events that will happen, unless they are cancelled. */
  get size(): number {
    return this.waiting
  }

  add(atMs: number, actor: string, label: string, run: () => void): QueuedEvent {
    const event = this.make(atMs, actor, label, run)
    this.heap.push(event)
    this.rise(this.heap.length - 1)
    return event
  }

  /** Adds what happens at the present instant: no event that is due earlier may be added until it is taken. */
  addNow(nowMs: number, actor: string, label: string, run: () => void): QueuedEvent {
    const event = this.make(nowMs, actor, label, run)
    this.line.push(event)
    return event
  }

  cancel(event: QueuedEvent): void {
    if (!event.waits) return
    event.waits = false
    this.waiting--
    const dead = this.heap.length + this.line.length - this.lineAt - this.waiting
    if (dead > 256 && dead > this.waiting) this.sweep()
  }

  /** Takes the next event that is due at `untilMs` at the latest. */
  takeUntil(untilMs: number): QueuedEvent | undefined {
    const first = this.first()
    if (!first || first.atMs > untilMs) return undefined
    if (first === this.heap[0]) this.pop()
    else this.shift()
    first.waits = false
    this.waiting--
    return first
  }

  private make(atMs: number, actor: string, label: string, run: () => void): QueuedEvent {
    this.waiting++
    return new QueuedEvent(this, atMs, this.orders++, actor, label, run)
  }

  private first(): QueuedEvent | undefined {
    while (this.heap.length > 0 && !this.heap[0]!.waits) this.pop()
    while (this.lineAt < this.line.length && !this.line[this.lineAt]!.waits) this.shift()
    const [inLine, inHeap] = [this.line[this.lineAt], this.heap[0]]
    if (!inLine || !inHeap) return inLine ?? inHeap
    return isBefore(inHeap, inLine) ? inHeap : inLine
  }

  private shift(): void {
    if (++this.lineAt < this.line.length) return
    this.line.length = this.lineAt = 0
  }

  private pop(): void {
    const last = this.heap.pop()
    if (last === undefined || this.heap.length === 0) return
    this.heap[0] = last
    this.sink(0)
  }

  private sweep(): void {
    const left = this.heap.filter(({ waits }) => waits)
    this.heap.length = 0
    // A sorted list is a heap.
    for (const event of left.sort((a, b) => (isBefore(a, b) ? -1 : 1))) this.heap.push(event)
    this.line = this.line.filter(({ waits }, i) => i >= this.lineAt && waits)
    this.lineAt = 0
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
