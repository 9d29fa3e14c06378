/**
 * A Map and a Set that take memory only while they hold something: an empty `Map` is 200 bytes, and a relay has thousands of
 * sessions, each with dozens of lists that are mostly empty. What was large once is given back when it is empty again.
 *
 * They differ from `Map` and `Set` in one thing: what is added during an iteration, after the last entry was deleted, is not visited.
 */
const nothing: readonly never[] = []

export class LazyMap<K, V> implements Iterable<[K, V]> {
  private map: Map<K, V> | undefined

  get size(): number {
    return this.map === undefined ? 0 : this.map.size
  }

  get(key: K): V | undefined {
    return this.map === undefined ? undefined : this.map.get(key)
  }

  has(key: K): boolean {
    return this.map !== undefined && this.map.has(key)
  }

  set(key: K, value: V): this {
    this.map ??= new Map()
    this.map.set(key, value)
    return this
  }

  delete(key: K): boolean {
    if (!this.map?.delete(key)) return false
    if (this.map.size === 0) this.map = undefined
    return true
  }

  clear(): void {
    this.map = undefined
  }

  keys(): IterableIterator<K, undefined> {
    return this.map === undefined ? nothing.values() : this.map.keys()
  }

  values(): IterableIterator<V, undefined> {
    return this.map === undefined ? nothing.values() : this.map.values()
  }

  [Symbol.iterator](): IterableIterator<[K, V], undefined> {
    return this.map === undefined ? nothing.values() : this.map.entries()
  }
}

export class LazySet<T> implements Iterable<T> {
  private set: Set<T> | undefined

  get size(): number {
    return this.set === undefined ? 0 : this.set.size
  }

  has(item: T): boolean {
    return this.set !== undefined && this.set.has(item)
  }

  add(item: T): this {
    this.set ??= new Set()
    this.set.add(item)
    return this
  }

  delete(item: T): boolean {
    if (!this.set?.delete(item)) return false
    if (this.set.size === 0) this.set = undefined
    return true
  }

  clear(): void {
    this.set = undefined
  }

  [Symbol.iterator](): IterableIterator<T, undefined> {
    return this.set === undefined ? nothing.values() : this.set.values()
  }
}
