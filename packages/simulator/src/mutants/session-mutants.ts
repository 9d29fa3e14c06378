/** Bugs of the session: what is sent, what is sealed, what is acknowledged, what conflicts. */
import type { Mutant } from './mutant.js'

export const sessionMutants: readonly Mutant[] = [
  {
    name: 'vector-by-register-frame',
    what: 'a register frame moves the vector, though only a seal may',
    module: 'session/register-receiver',
    from: 'this.durability.received(entry.writer, entry.seq)',
    to: 'table.seal({ seqs: new Map([[entry.writer.key, entry.seq]]), closed: new Map() })',
    killedBy: 'session-guarantees'
  },
  {
    name: 'coverage-remembered',
    what: 'what a peer covered is remembered across sessions, though it may have lost it since',
    module: 'session/link-state',
    from: 'this.peer = options.peer',
    to: 'this.peer = options.peer; const views = (options.space.table.views ??= new Map()); this.view = views.get(this.peer.node) ?? this.view; views.set(this.peer.node, this.view)',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'one-way-sync',
    what: 'a catch-up sends what was written here, and nothing that came from others',
    module: 'session/cut-sender',
    from: 'owedTo(this.link.view).filter(register => register.source !== this.link.source)',
    to: 'owedTo(this.link.view).filter(register => register.source === 0)',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'seal-before-overtaken',
    what: 'a seal does not wait for registers of its cut that have changed since and were to go ahead of it',
    module: 'session/cut-sender',
    from: 'cut.passed.push(register)',
    to: 'void register',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'left-for-good',
    what: 'a register left to its writer is never sent, also when the peer does not get it from there',
    module: 'session/cut-sender',
    from: 'dot && this.link.view.covers(dot.writer, dot.seq)',
    to: 'dot',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'left-forgotten',
    what: 'the next cut forgets the registers that were left to their writers before it',
    module: 'session/cut-sender',
    from: '[...this.left, ...changed]',
    to: '[...changed]',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'have-never-ends',
    what: 'of the messages that list what a node holds above its vector none says that it is the last',
    module: 'session/space-link',
    from: '.byte(i === have.length - 1 ? 1 : 0)',
    to: '.byte(i === have.length ? 1 : 0)',
    killedBy: 'convergence'
  },
  {
    name: 'rebuttal-left-out',
    what: 'a peer that sends what it once deleted is not answered with the delete',
    module: 'session/register-receiver',
    from: "outcome === 'rebut' || this.link.peerStored(winner)",
    to: 'winner === undefined',
    killedBy: 'convergence'
  },
  {
    name: 'return-not-reported',
    what: 'what a late returner brings back stands in no heal report, unless it was covered before',
    module: 'session/register-receiver',
    from: '(covered || vacant) && entry.value !== undefined',
    to: 'covered && entry.value !== undefined',
    killedBy: 'no-resurrection'
  },
  {
    name: 'unheld-kept',
    what: 'a late returner keeps what its peers have deleted and forgotten',
    module: 'session/register-receiver',
    from: 'this.dropUnheld()',
    to: 'void this.heldIncoming',
    killedBy: 'no-resurrection'
  },
  {
    name: 'floor-not-inherited',
    what: 'a replica that was told of a floor does not take it for its own',
    module: 'session/register-receiver',
    from: 'table.raiseFloor(key, seq)',
    to: 'void key',
    killedBy: 'no-resurrection'
  },
  {
    name: 'ack-from-memory',
    what: 'a peer acknowledges what it covers, stored or not',
    module: 'session/durability-exchange',
    from: 'const { durable } = this.link.space',
    to: 'const durable = { ...this.link.space.durable, vector: this.link.space.table.vector() }',
    killedBy: 'acknowledged-writes'
  },
  {
    name: 'dots-acked-unstored',
    what: 'dots above the vector are acknowledged with the next commit, also those that it does not hold',
    module: 'session/durability-exchange',
    from: 'const durable = this.unacked.filter(dot => dot.changeIndex <= changeIndex)',
    to: 'const durable = this.unacked',
    killedBy: 'acknowledged-writes'
  },
  {
    name: 'relay-counts-as-site',
    what: 'a write is told as durable on another node of the site when it is on the relay alone',
    module: 'replica/receipts',
    from: "level === 'relay' ? 'relay' : 'node'",
    to: "level === 'relay' ? 'relay' : undefined",
    killedBy: 'acknowledged-writes'
  },
  {
    name: 'credit-leaks',
    what: 'of the credit that a receiver owes it gives back that of the last frame alone',
    module: 'session/credit',
    from: 'const grant = this.consumed',
    to: 'const grant = bytes',
    killedBy: 'convergence'
  },
  {
    name: 'silence-ignored',
    what: 'a peer that says nothing any more is taken for gone only after a hundred times the time',
    module: 'session/keepalive',
    from: 'this.silentMs(now) > this.patienceMs',
    to: 'this.silentMs(now) > 100 * this.patienceMs',
    killedBy: 'convergence'
  },
  {
    name: 'unbounded-queue',
    what: 'a session goes on sending into a connection that has said it is full',
    module: 'replica/session-driver',
    from: 'this.writable = this.connection.send(frame)',
    to: 'this.connection.send(frame)',
    also: [
      {
        module: 'session/session',
        from: 'this.credit.left ? this.lanes.nextData(now) : undefined',
        to: 'this.lanes.nextData(now)'
      }
    ],
    killedBy: 'bounded-growth'
  },
  {
    name: 'conflict-not-recorded',
    what: 'a conflict is told to listeners and stands in no log',
    module: 'replica/space-replica',
    from: 'this.conflictLog.record(conflict)',
    to: 'void conflict',
    killedBy: 'conflicts-recorded'
  },
  {
    name: 'conflict-judged-by-what-was-sent',
    what: 'a write that was sent to the peer counts as known there, also when the peer wrote its own before it came',
    module: 'session/register-receiver',
    from: 'this.link.said.covers(mine.writer, mine.seq) || table.covers(entry.writer, entry.seq)',
    to: 'this.link.view.covers(mine.writer, mine.seq) || table.covers(entry.writer, entry.seq)',
    killedBy: 'conflicts-recorded'
  },
  {
    name: 'contests-kept',
    what: 'a conflict is judged and counted again at every seal',
    module: 'session/contests',
    from: 'this.contests = []',
    to: 'this.contests = [...contests]',
    killedBy: 'conflicts-recorded'
  }
]
