/**
 * Finds the pattern of a path in one step a segment. Patterns form a tree of segments; since a literal beats a parameter but may
 * lead nowhere (`a/b/c` beside `a/:x/d` and the path `a/b/d`), the tree is made deterministic when it is built: a state is the
 * list of tree nodes still possible, best first, so that no lookup goes back.
 *
 * Precedence: of the patterns that match a path, the one with a literal at the leftmost segment where they differ.
 */
interface TreeNode<T> {
  readonly id: number
  readonly literals: Map<string, TreeNode<T>>
  parameter: TreeNode<T> | undefined
  entry: T | undefined
}

interface State<T> {
  readonly next: Map<string, State<T>>
  /** For a segment that is no key of `next`. */
  other: State<T> | undefined
  readonly entry: T | undefined
}

/** A segment of a pattern: a literal, or `undefined` for a parameter. */
export type PatternSegment = string | undefined

export class PathTrie<T> {
  private readonly root: State<T>

  private constructor(root: State<T>) {
    this.root = root
  }

  /**
   * Builds the trie. `clash` is called for a pattern that matches exactly the paths of an earlier one; `overflow` when the
   * patterns overlap so much that more than `statesMax` states are needed. Both must throw.
   */
  static build<T>(
    patterns: Iterable<{ segments: readonly PatternSegment[]; entry: T }>,
    statesMax: number,
    fail: { clash: (earlier: T, later: T) => never; overflow: () => never }
  ): PathTrie<T> {
    let nodes = 0
    const node = (): TreeNode<T> => ({ id: nodes++, literals: new Map(), parameter: undefined, entry: undefined })
    const tree = node()
    for (const { segments, entry } of patterns) {
      let at = tree
      for (const segment of segments) {
        let child = segment === undefined ? at.parameter : at.literals.get(segment)
        if (!child) {
          child = node()
          if (segment === undefined) at.parameter = child
          else at.literals.set(segment, child)
        }
        at = child
      }
      if (at.entry !== undefined) fail.clash(at.entry, entry)
      at.entry = entry
    }
    return new PathTrie(determine(tree, statesMax, fail.overflow))
  }

  /** What was added for the best pattern that matches `path`. Empty segments match nothing. */
  find(path: string): T | undefined {
    let state: State<T> | undefined = this.root
    let from = 0
    while (state) {
      const slash = path.indexOf('/', from)
      const segment = slash < 0 ? path.slice(from) : path.slice(from, slash)
      if (segment.length === 0) return undefined
      state = state.next.get(segment) ?? state.other
      if (slash < 0) return state?.entry
      from = slash + 1
    }
    return undefined
  }
}

// The subset construction, with the order of the subset kept: it is the precedence.
function determine<T>(tree: TreeNode<T>, statesMax: number, overflow: () => never): State<T> {
  const states = new Map<string, State<T>>()
  const pending: { state: State<T>; nodes: readonly TreeNode<T>[] }[] = []
  const stateOf = (nodes: readonly TreeNode<T>[]): State<T> => {
    const key = nodes.map(each => each.id).join()
    const known = states.get(key)
    if (known) return known
    if (states.size >= statesMax) overflow()
    const state: State<T> = { next: new Map(), other: undefined, entry: nodes.find(each => each.entry !== undefined)?.entry }
    states.set(key, state)
    pending.push({ state, nodes })
    return state
  }
  const root = stateOf([tree])
  for (let step = pending.pop(); step; step = pending.pop()) {
    const { state, nodes } = step
    const parameters = nodes.flatMap(each => each.parameter ?? [])
    if (parameters.length > 0) state.other = stateOf(parameters)
    for (const literal of new Set(nodes.flatMap(each => [...each.literals.keys()])))
      state.next.set(literal, stateOf(nodes.flatMap(each => [each.literals.get(literal) ?? [], each.parameter ?? []].flat())))
  }
  return root
}
