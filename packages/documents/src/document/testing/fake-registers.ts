/** Registers of one replica with last-writer-wins merging: as much of a register table as documents can see. */
import { valuesEqual, type Clock, type Value } from '@selvedge/core'
import type { RegisterAccess } from '../register-access.js'

interface Entry {
  value: Value | undefined
  stamp: number
  writer: string
}

export class FakeRegisters implements RegisterAccess {
  private entries = new Map<string, Entry>()
  private durable = new Map<string, Entry>()
  private readonly watchers = new Set<{ prefix: string; listener: Parameters<RegisterAccess['watch']>[1] }>()
  private changed = new Set<string>()
  private caughtUp = new Set<string>()
  private latest = 0

  constructor(
    private readonly writer: string,
    private readonly clock: Clock,
    before?: FakeRegisters
  ) {
    if (before) this.entries = new Map(before.durable)
    this.durable = new Map(this.entries)
    for (const entry of this.entries.values()) this.latest = Math.max(this.latest, entry.stamp)
  }

  writerKey(): string {
    return this.writer
  }

  get(path: string, slot: string): { value: Value; writer: string } | undefined {
    const entry = this.entries.get(key(path, slot))
    return entry?.value === undefined ? undefined : { value: entry.value, writer: entry.writer }
  }

  set(path: string, slot: string, value: Value): void {
    this.put(key(path, slot), { value, stamp: ++this.latest, writer: this.writer })
  }

  delete(path: string, slot: string): void {
    this.put(key(path, slot), { value: undefined, stamp: ++this.latest, writer: this.writer })
  }

  *slots(path: string): Iterable<{ slot: string; value: Value }> {
    for (const [at, { value }] of this.entries) {
      const [entryPath, slot] = at.split('\n') as [string, string]
      if (entryPath === path && value !== undefined) yield { slot, value }
    }
  }

  *paths(prefix: string): Iterable<string> {
    const paths = new Set<string>()
    for (const [at, { value }] of this.entries) if (value !== undefined && at.startsWith(prefix)) paths.add(at.split('\n')[0]!)
    yield* paths
  }

  watch(prefix: string, listener: Parameters<RegisterAccess['watch']>[1]): () => void {
    const watcher = { prefix, listener }
    this.watchers.add(watcher)
    return () => void this.watchers.delete(watcher)
  }

  /** What a commit of the space makes durable. */
  persist(): void {
    this.durable = new Map(this.entries)
  }

  /** Takes over what `other` has, live or as one that catches up; says whether anything was new. */
  merge(other: FakeRegisters, how: 'live' | 'catching up' = 'live'): boolean {
    let news = false
    for (const [at, entry] of other.entries) {
      const own = this.entries.get(at)
      if (own && (own.stamp > entry.stamp || (own.stamp === entry.stamp && own.writer >= entry.writer))) continue
      news = true
      this.latest = Math.max(this.latest, entry.stamp)
      this.put(at, entry)
      if (how === 'catching up') this.caughtUp.add(at.split('\n')[0]!)
    }
    return news
  }

  equals(other: FakeRegisters): boolean {
    if (this.entries.size !== other.entries.size) return false
    return [...this.entries].every(([at, { value }]) => {
      const theirs = other.entries.get(at)
      return (
        theirs &&
        (value === undefined ? theirs.value === undefined : theirs.value !== undefined && valuesEqual(value, theirs.value))
      )
    })
  }

  private put(at: string, entry: Entry): void {
    this.entries.set(at, entry)
    if (this.changed.size === 0) this.clock.soon(() => this.notify())
    this.changed.add(at.split('\n')[0]!)
  }

  private notify(): void {
    const changed = this.changed
    const caughtUp = this.caughtUp
    this.changed = new Set()
    this.caughtUp = new Set()
    for (const { prefix, listener } of [...this.watchers]) {
      const paths = new Set([...changed].filter(path => path.startsWith(prefix)))
      if (paths.size > 0) listener(paths, caughtUp)
    }
  }
}

function key(path: string, slot: string): string {
  return `${path}\n${slot}`
}
