/**
 * A sorted map that never changes: each change gives a new map, which shares with the old one all but the path to what differs. So a
 * snapshot, an iterator and what a disk held at any moment are a reference. A B+ tree, ordered by JavaScript's comparison of strings.
 */

/** Entries of a leaf, children of a branch, at most; fewer than half of the least are joined with a neighbour. */
const widthMax = 32
const widthMin = 8

interface Leaf<V> {
  readonly keys: readonly string[]
  readonly values: readonly V[]
  readonly children?: undefined
}

interface Branch<V> {
  /** The least key of each child; of the first one, or less. */
  readonly keys: readonly string[]
  readonly children: readonly SortedNode<V>[]
}

type SortedNode<V> = Leaf<V> | Branch<V>

export class SortedMap<V> {
  private constructor(
    private readonly root: SortedNode<V>,
    readonly size: number
  ) {}

  static empty<V>(): SortedMap<V> {
    return new SortedMap<V>({ keys: [], values: [] }, 0)
  }

  get(key: string): V | undefined {
    let node = this.root
    while (node.children) node = node.children[childOf(node.keys, key)]!
    const at = lowerBound(node.keys, key)
    return node.keys[at] === key ? node.values[at] : undefined
  }

  set(key: string, value: V): SortedMap<V> {
    const added: Added = { count: 0 }
    const nodes = put(this.root, key, value, added)
    const root = nodes.length === 1 ? nodes[0]! : { keys: nodes.map(node => node.keys[0]!), children: nodes }
    return new SortedMap(root, this.size + added.count)
  }

  delete(key: string): SortedMap<V> {
    let root = remove(this.root, key)
    if (root === this.root) return this
    while (root.children?.length === 1) root = root.children[0]!
    return new SortedMap(root, this.size - 1)
  }

  cursor(): Cursor<V> {
    return new Cursor(this.root)
  }
}

/** A place between two entries of a map. */
export class Cursor<V> {
  private readonly path: { readonly branch: Branch<V>; at: number }[] = []
  private leaf: Leaf<V>
  /** The entry after the place. */
  private at = 0

  constructor(private readonly root: SortedNode<V>) {
    this.leaf = this.descend(root, () => 0)
  }

  /** Before the first entry whose key is not less than `key`. */
  seek(key: string): void {
    this.leaf = this.descend(this.root, keys => childOf(keys, key))
    this.at = lowerBound(this.leaf.keys, key)
  }

  seekEnd(): void {
    this.leaf = this.descend(this.root, keys => keys.length - 1)
    this.at = this.leaf.keys.length
  }

  /** The entry after the place, which moves behind it. */
  next(): [key: string, value: V] | undefined {
    while (this.at >= this.leaf.keys.length) {
      const leaf = this.sibling(1)
      if (!leaf) return undefined
      this.leaf = leaf
      this.at = 0
    }
    const at = this.at++
    return [this.leaf.keys[at]!, this.leaf.values[at]!]
  }

  /** The entry before the place, which moves before it. */
  previous(): [key: string, value: V] | undefined {
    while (this.at === 0) {
      const leaf = this.sibling(-1)
      if (!leaf) return undefined
      this.leaf = leaf
      this.at = leaf.keys.length
    }
    const at = --this.at
    return [this.leaf.keys[at]!, this.leaf.values[at]!]
  }

  private descend(from: SortedNode<V>, choose: (keys: readonly string[]) => number): Leaf<V> {
    if (from === this.root) this.path.length = 0
    let node = from
    while (node.children) {
      const at = choose(node.keys)
      this.path.push({ branch: node, at })
      node = node.children[at]!
    }
    return node
  }

  private sibling(step: 1 | -1): Leaf<V> | undefined {
    let depth = this.path.length - 1
    while (depth >= 0 && this.path[depth]!.branch.children[this.path[depth]!.at + step] === undefined) depth--
    const turn = this.path[depth]
    if (!turn) return undefined
    this.path.length = depth + 1
    turn.at += step
    return this.descend(turn.branch.children[turn.at]!, keys => (step === 1 ? 0 : keys.length - 1))
  }
}

interface Added {
  count: number
}

/** The node with the entry, as one node or, when it has grown too wide, two. */
function put<V>(node: SortedNode<V>, key: string, value: V, added: Added): SortedNode<V>[] {
  if (!node.children) {
    const at = lowerBound(node.keys, key)
    if (node.keys[at] === key) return [{ keys: node.keys, values: node.values.with(at, value) }]
    added.count = 1
    return split({ keys: node.keys.toSpliced(at, 0, key), values: node.values.toSpliced(at, 0, value) })
  }
  const at = childOf(node.keys, key)
  return split(withChildren(node, at, 1, put(node.children[at]!, key, value, added)))
}

function split<V>(node: SortedNode<V>): SortedNode<V>[] {
  if (node.keys.length <= widthMax) return [node]
  const half = node.keys.length >> 1
  const [low, high] = [node.keys.slice(0, half), node.keys.slice(half)]
  if (node.children)
    return [
      { keys: low, children: node.children.slice(0, half) },
      { keys: high, children: node.children.slice(half) }
    ]
  return [
    { keys: low, values: node.values.slice(0, half) },
    { keys: high, values: node.values.slice(half) }
  ]
}

/** The node without the entry; the node itself when it has none. */
function remove<V>(node: SortedNode<V>, key: string): SortedNode<V> {
  if (!node.children) {
    const at = lowerBound(node.keys, key)
    if (node.keys[at] !== key) return node
    return { keys: node.keys.toSpliced(at, 1), values: node.values.toSpliced(at, 1) }
  }
  const at = childOf(node.keys, key)
  const child = node.children[at]!
  const changed = remove(child, key)
  if (changed === child) return node
  const neighbour = at > 0 ? at - 1 : at + 1
  const other = node.children[neighbour]
  if (changed.keys.length >= widthMin || !other) return withChildren(node, at, 1, [changed])
  const first = Math.min(at, neighbour)
  return withChildren(node, first, 2, split(neighbour < at ? join(other, changed) : join(changed, other)))
}

function join<V>(low: SortedNode<V>, high: SortedNode<V>): SortedNode<V> {
  const keys = [...low.keys, ...high.keys]
  if (low.children && high.children) return { keys, children: [...low.children, ...high.children] }
  return { keys, values: [...(low as Leaf<V>).values, ...(high as Leaf<V>).values] }
}

function withChildren<V>(branch: Branch<V>, at: number, count: number, children: SortedNode<V>[]): Branch<V> {
  // The key of a child that stays in its place is its lower bound, whatever it holds now; of the first one a lesser key makes a lesser bound.
  const keys = children.map((child, i) => (i === 0 ? lesser(branch.keys[at]!, child.keys[0]) : child.keys[0]!))
  return { keys: branch.keys.toSpliced(at, count, ...keys), children: branch.children.toSpliced(at, count, ...children) }
}

function lesser(bound: string, key: string | undefined): string {
  return key === undefined || bound < key ? bound : key
}

/** The first index whose key is not less than `key`. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return low
}

/** The child in which a key is, if anywhere. */
function childOf(keys: readonly string[], key: string): number {
  const at = lowerBound(keys, key)
  return keys[at] === key ? at : Math.max(0, at - 1)
}
