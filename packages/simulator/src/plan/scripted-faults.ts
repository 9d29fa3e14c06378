/**
 * Faults as a scenario writes them down: `at('2h').cutTrunk('b').for('9h')`. Without `for` what is broken stays so until everything is
 * healed at the end.
 */
import type { FaultKind } from '../faults/fault.js'
import { kill, partition, trunkCut } from '../faults/index.js'
import { milliseconds, type Duration } from './duration.js'
import type { Json, PlannedFault } from './plan.js'

/** A fault at its time, or at several. */
export class ScriptedFault {
  constructor(
    private readonly timesMs: (untilMs: number) => number[],
    private readonly kind: string,
    private readonly args: Json,
    private readonly forMs?: number
  ) {}

  /** How long it lasts. */
  for(duration: Duration): ScriptedFault {
    return new ScriptedFault(this.timesMs, this.kind, this.args, milliseconds(duration))
  }

  /** @internal */
  planned(id: string, untilMs: number): PlannedFault[] {
    const { kind, args } = this
    return this.timesMs(untilMs).map((atMs, i) => ({ id: `${id}.${i}`, atMs, forMs: this.forMs ?? untilMs - atMs, kind, args }))
  }
}

/** What can happen at a time; names are those of the scenario's sites and their nodes. */
export class FaultTime<Sites extends string> {
  /** @internal */
  constructor(private readonly timesMs: (untilMs: number) => number[]) {}

  /** A building has no way to the relay: whoever tries gets no answer. */
  cutTrunk(site: Sites): ScriptedFault {
    return this.do(trunkCut, { site })
  }

  /** Groups of nodes (and `relay`) that can't reach one another; who is in no group reaches everybody. */
  partition(...groups: readonly (readonly (NodeName<Sites> | 'relay')[])[]): ScriptedFault {
    return this.do(partition, { groups })
  }

  /** kill -9 of a node, or of the relay; it is started again at the end. */
  kill(host: NodeName<Sites> | 'relay'): ScriptedFault {
    return this.do(kill, { host })
  }

  /** Any kind of fault, also your own. */
  do<A extends Json>({ kind }: FaultKind<A>, args: A): ScriptedFault {
    return new ScriptedFault(this.timesMs, kind, args)
  }
}

/** Nodes of a site `a` are `a-1`, `a-2` and so on. */
export type NodeName<Sites extends string> = `${Sites}-${number}`

export interface FaultTimes<Sites extends string> {
  /** Once, at this time after the start. */
  readonly at: (time: Duration) => FaultTime<Sites>
  /** Again and again, from one period after the start or from `from`. */
  readonly every: (period: Duration, range?: { readonly from?: Duration; readonly until?: Duration }) => FaultTime<Sites>
}

export function faultTimes<Sites extends string>(): FaultTimes<Sites> {
  return {
    at: time => new FaultTime(() => [milliseconds(time)]),
    every: (period, { from = period, until } = {}) => {
      const [periodMs, fromMs] = [milliseconds(period), milliseconds(from)]
      return new FaultTime(untilMs => {
        const lastMs = until === undefined ? untilMs : milliseconds(until)
        return Array.from({ length: Math.max(0, Math.ceil((lastMs - fromMs) / periodMs)) }, (_, i) => fromMs + i * periodMs)
      })
    }
  }
}
