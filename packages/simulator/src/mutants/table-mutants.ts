/** Bugs of the register table and its composites: who wins, what is owed, what is dropped. */
import type { Mutant } from './mutant.js'

export const tableMutants: readonly Mutant[] = [
  {
    name: 'unsorted-recency',
    what: 'a register that arrives out of order is put at the end of its writer’s list',
    module: 'documents/table/register',
    from: 'newest !== undefined && newest.seq >= register.seq',
    to: 'newest !== undefined && newest.seq === register.seq',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'stale-hint',
    what: 'the place where a writer’s list was last inserted into is remembered after the register there has moved on',
    module: 'documents/table/register',
    from: 'this.hint === register',
    to: 'this.hint === undefined',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'incarnation-reused',
    what: 'after a restart a node writes under the incarnation of the boot before, whatever of it was lost',
    module: 'documents/table/register-table',
    from: 'this.own = this.writer(makeWriterKey(this.node, createdAt, this.options.random))',
    to: 'this.own = [...this.writers.values()].filter(({ node }) => node === this.node).at(-1) ?? this.writer(makeWriterKey(this.node, createdAt, this.options.random))',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'wall-clock-winner',
    what: 'writes are stamped with the wall clock: of two the one with the faster clock wins, also when it came first',
    module: 'documents/table/register-table',
    from: 'let time = this.hlc.tick(nowMs)',
    to: 'let time = hlcFromMs(nowMs)',
    killedBy: 'session-guarantees'
  },
  {
    name: 'stamps-not-followed',
    what: 'the clock of stamps does not follow the stamps received',
    module: 'documents/table/register-table',
    from: 'this.hlc.observe(entry.time)',
    to: 'void entry.time',
    killedBy: 'session-guarantees'
  },
  {
    name: 'tie-by-arrival',
    what: 'of two writes stamped in the same instant the one that arrives later wins',
    module: 'documents/table/register',
    from: 'return a.writer.key > b.writer.key',
    to: 'return true',
    killedBy: 'strong-eventual-consistency'
  },
  {
    name: 'off-by-one-delta',
    what: 'a delta leaves out the first write that the peer does not cover',
    module: 'documents/table/coverage',
    from: '!peer.covers(writer, at.seq)',
    to: '!peer.covers(writer, at.seq - 1)',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'have-one-too-many',
    what: 'of the dots that a peer says it has above its vector, each run counts as one longer',
    module: 'documents/table/version-vector',
    from: 'register.seq >= first + count',
    to: 'register.seq > first + count',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'echo-for-ever',
    what: 'a register that once came from a session counts as come from there also when it is overwritten here',
    module: 'documents/table/holdings',
    from: 'register.source = source',
    to: 'register.source ||= source',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'shadow-obeyed',
    what: 'a stamp up to a day ahead is obeyed, not held back',
    module: 'documents/table/register-table',
    from: 'if (entry.time > this.skewLimit())',
    to: 'if (entry.time > this.skewLimit() + 86_400_000 * 4096)',
    killedBy: 'reference-model'
  },
  {
    name: 'shadow-for-ever',
    what: 'a write that was held back for its stamp is not obeyed when its time has come',
    module: 'documents/table/register-table',
    from: 'this.holdings.promote(shadow)',
    to: 'void shadow',
    killedBy: 'reference-model'
  },
  {
    name: 'hash-counts-twice',
    what: 'the hash counts a register and also the write held back beside it, if they came in that order',
    module: 'documents/table/holdings',
    from: 'this.hash.remove(beside)',
    to: 'void beside',
    killedBy: 'strong-eventual-consistency'
  },
  {
    name: 'expiry-inherited',
    what: 'a plain write over an override keeps the expiry of the override',
    module: 'documents/table/holdings',
    from: 'register.expiresAtMs = 0',
    to: 'void 0',
    killedBy: 'reference-model'
  },
  {
    name: 'tombstone-dropped-early',
    what: 'a tombstone is dropped once it is stored here, though others have not heard of it, and no floor tells of that',
    module: 'replica/gc',
    from: 'vectors.every(vector => covers(vector, register.writer, register.seq))',
    to: 'vectors.some(vector => covers(vector, register.writer, register.seq))',
    also: [
      {
        module: 'documents/table/dropping',
        from: 'register.writer.floor = Math.max(register.writer.floor, register.seq)',
        to: 'void register.writer'
      }
    ],
    killedBy: 'no-resurrection'
  },
  {
    name: 'slot-tombstones-kept',
    what: 'tombstones of set elements and priority levels are never dropped',
    module: 'documents/table/dropping',
    from: '!coveredByAll(register)',
    to: "register.slot !== '' || !coveredByAll(register)",
    killedBy: 'bounded-growth'
  },
  {
    name: 'closed-too-soon',
    what: 'an old incarnation is closed though a member has more of its writes',
    module: 'replica/gc',
    from: '(vector.seqs.get(writer.key) ?? 0) === writer.covered',
    to: '(vector.seqs.get(writer.key) ?? 0) >= writer.covered',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'counter-slot-of-node',
    what: 'a counter has a slot a node, not one an incarnation: what a crash took from it is overwritten',
    module: 'documents/table/composites',
    from: 'const slot = table.ownWriter().key',
    to: 'const slot = table.node',
    killedBy: 'reference-model'
  },
  {
    name: 'lowest-level-ignored',
    what: 'level 16 of a priority array is never read',
    module: 'documents/table/composites',
    from: 'level <= priorityLevels; level++',
    to: 'level < priorityLevels; level++',
    killedBy: 'reference-model'
  },
  {
    name: 'read-when-stored',
    what: 'a write can be read only once it is on the disk',
    module: 'replica/points',
    from: 'return register === undefined ? undefined : this.read(register)',
    to: "return register === undefined || this.space.receipts.reached(register.writer, register.seq) === 'memory' ? undefined : this.read(register)",
    killedBy: 'session-guarantees'
  }
]
