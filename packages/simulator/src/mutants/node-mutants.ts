/** Bugs of nodes and their surroundings: residency, reports, trusted time, the trunk. */
import type { Mutant } from './mutant.js'

export const nodeMutants: readonly Mutant[] = [
  {
    name: 'site-space-in-trunk',
    what: 'every space of the site is offered to the relay, those that must stay in the building too',
    module: 'site/site',
    from: "admits: space => space.residency === 'trunk'",
    to: 'admits: space => siteOfSpace(space.id) === this.id',
    killedBy: 'residency'
  },
  {
    name: 'retry-storm',
    what: 'who failed to connect tries again at once, for as long as it takes',
    module: 'network/backoff',
    from: 'const jitterMs = this.random.float() * ceilingMs',
    to: 'const jitterMs = this.random.float()',
    killedBy: 'bounded-growth'
  },
  {
    name: 'backoff-without-end',
    what: 'the wait after a failed dial doubles for ever',
    module: 'network/backoff',
    from: 'Math.min(this.maxMs, this.minMs * 2 ** Math.min(this.failures, 30))',
    to: 'this.minMs * 2 ** Math.min(this.failures, 30)',
    killedBy: 'convergence'
  },
  {
    name: 'heals-kept',
    what: 'heal reports are never overwritten by newer ones',
    module: 'replica/heal-reports',
    from: '${next % reportsKept}',
    to: '${next}',
    killedBy: 'bounded-growth'
  },
  {
    name: 'hearsay-collects',
    what: 'a delete is collected as soon as others say that a member has it, though an older write of that is still on its way',
    module: 'replica/gc',
    from: 'options.isInSession(node) ? (members.wordOf(node) ?? nothing) : member.vector',
    to: 'member.vector',
    killedBy: 'no-resurrection'
  },
  {
    name: 'closed-from-afar',
    what: 'who is cut off from a node closes incarnations of it, as everybody who is left has the same of them',
    module: 'replica/gc',
    from: 'late.includes(writer.node)',
    to: 'late.length < 0',
    killedBy: 'dots-and-coverage'
  },
  {
    name: 'own-clock-trusted',
    what: 'a node believes its own clock, whatever its peers’ clocks say',
    module: 'core/trusted-clock',
    from: 'this.offsets.size < 2',
    to: 'this.offsets.size < 200',
    killedBy: 'reference-model'
  },
  {
    name: 'holder-for-ever',
    what: 'a node that is gone counts as holder of the trunk until it is heard again',
    module: 'network/trunk-election',
    from: 'this.peers.delete(event.node)',
    to: 'event.node === this.self',
    killedBy: 'convergence'
  },
  {
    name: 'receipts-kept',
    what: 'who waited for a receipt is never let go',
    module: 'replica/receipts',
    from: 'this.waiting[level].delete(waiting)',
    to: 'void waiting',
    killedBy: 'bounded-growth'
  }
]
