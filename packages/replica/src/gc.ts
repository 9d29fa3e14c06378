/**
 * Tombstone collection and the closing of old incarnations (I4, I6): both ask what every member holds durably. A member that has
 * made no progress for the horizon, with something owed to it, no longer holds either back; when it returns, the held list and
 * rebuttals keep the replicas equal, and the heal report names what came back.
 */
import { hlcFromMs, type NodeId } from '@selvedge/core'
import { covers, dominates, type RegisterTable, type VersionVector, type WriterLog } from '@selvedge/documents'
import type { MemberTable } from '@selvedge/session'

export interface GcOptions {
  readonly table: RegisterTable
  readonly members: MemberTable
  /** The nodes whose coverage counts, this replica left out. */
  readonly expected: () => Iterable<{ readonly node: NodeId; readonly role: 'node' | 'relay' }>
  readonly durable: () => VersionVector
  /** Whether a node has a session with this replica. */
  readonly isInSession: (node: NodeId) => boolean
  /** Time without progress after which a member holds nothing back, in milliseconds. */
  readonly horizonMs: number
  /** A delete is kept for this long at least, in milliseconds: members that have it may hold it back meanwhile, by a wrong clock. */
  readonly keptMs: number
  /** Age after which a superseded incarnation is closed, in milliseconds. */
  readonly closeAfterMs: number
}

export interface GcResult {
  readonly collected: number
  readonly closed: number
  /** Members that hold nothing back any more. */
  readonly evicted: readonly NodeId[]
}

const nothing: VersionVector = { seqs: new Map(), closed: new Map() }

export function collectGarbage(options: GcOptions): GcResult {
  const { table, members } = options
  const nowMs = table.trusted.nowMs()
  // A clock that jumped ahead must neither make everybody late nor drop deletes that others don't obey yet (I5).
  const others = [...options.expected()].filter(({ node }) => node !== table.node)
  const undisputedMs = others.length > 0 ? table.trusted.undisputedMs() : nowMs
  const durable = options.durable()
  const held = new Map([[table.node, durable]])
  const evicted: NodeId[] = []
  for (const { node, role } of others) {
    let member = members.get(node)
    if (!member) {
      // A member never heard of holds everything back until the horizon has passed from now.
      members.learn(node, role, nothing, nowMs)
      member = members.get(node)!
    }
    // Progress in what is the future by now was told by a clock that has been repaired.
    if (dominates(member.vector, durable) || member.progressAtMs > nowMs) members.touch(node, nowMs)
    else if (undisputedMs - member.progressAtMs > options.horizonMs) {
      evicted.push(node)
      continue
    }
    // An older write of a member may be on its way here long after others say that it has the delete; its own word comes behind it.
    held.set(node, options.isInSession(node) ? (members.wordOf(node) ?? nothing) : member.vector)
  }
  // A write made here whose stamp is of the next instants is obeyed as well as one of now.
  const latest = options.keptMs > 0 ? hlcFromMs(undisputedMs - options.keptMs) : table.skewLimit(undisputedMs)
  const vectors = [...held.values()]
  const collected = table.collect(
    register => register.time < latest && vectors.every(vector => covers(vector, register.writer, register.seq))
  )
  return { collected, closed: closeIncarnations(table, held, evicted, undisputedMs - options.closeAfterMs), evicted }
}

// An incarnation is closed once its successor is old and every member covers the same of it: then nothing of it can be missing. Members
// that are late don't count, but for its own node: who was cut off from that knows only what it had of it before. One that wrote on
// after its successor was made is of another process with the same key (a clone), and may write still. What its node said last must be
// of after its end: a successor may be heard of by a word that was cut short, and then the node may have more of it than it ever said.
function closeIncarnations(
  table: RegisterTable,
  held: ReadonlyMap<NodeId, VersionVector>,
  late: readonly NodeId[],
  beforeMs: number
): number {
  // Of a member that has not said yet what it holds nobody knows that it has the same: not even that it has nothing.
  const vectors = [...held.values()]
  if (vectors.some(({ seqs, closed }) => seqs.size === 0 && closed.size === 0)) return 0
  const before = hlcFromMs(beforeMs)
  const byNode = new Map<NodeId, WriterLog[]>()
  for (const writer of table.writers.values()) {
    if (table.isClosed(writer) || late.includes(writer.node)) continue
    const list = byNode.get(writer.node)
    if (list) list.push(writer)
    else byNode.set(writer.node, [writer])
  }
  let closed = 0
  for (const [node, writers] of byNode) {
    writers.sort((a, b) => a.createdAt - b.createdAt)
    let upTo: WriterLog | undefined
    const word = held.get(node)
    const last = word ? writers.findLastIndex(({ key }) => word.seqs.has(key)) : writers.length - 1
    for (let i = 0; i < last; i++) {
      const [writer, next] = [writers[i]!, writers[i + 1]!]
      if (next.createdAt > before || writer.createdAt === next.createdAt) break
      if (writer.newest && writer.newest.time > next.createdAt) break
      if (!vectors.every(vector => (vector.seqs.get(writer.key) ?? 0) === writer.covered)) break
      upTo = writer
      closed++
    }
    if (upTo) table.close(node, upTo.createdAt)
  }
  return closed
}
