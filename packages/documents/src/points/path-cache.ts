/**
 * Remembers what was found for a path. Bounded: two generations of at most `entriesMax / 2` paths each; when the young one is
 * full it becomes the old one, and what was not asked for since then is forgotten. So a site with millions of paths costs a
 * bounded cache and some trie walks, and a path in use stays at one map lookup.
 */
export class PathCache<T> {
  private young = new Map<string, T>()
  private old = new Map<string, T>()
  private readonly generationMax: number

  constructor(entriesMax: number) {
    this.generationMax = Math.max(1, entriesMax >> 1)
  }

  /** Entries held. */
  get size(): number {
    return this.young.size + this.old.size
  }

  get(path: string): T | undefined {
    const found = this.young.get(path)
    if (found !== undefined) return found
    const kept = this.old.get(path)
    if (kept === undefined) return undefined
    this.old.delete(path)
    this.add(path, kept)
    return kept
  }

  add(path: string, entry: T): void {
    if (this.young.size >= this.generationMax) {
      this.old = this.young
      this.young = new Map()
    }
    this.young.set(path, entry)
  }
}
