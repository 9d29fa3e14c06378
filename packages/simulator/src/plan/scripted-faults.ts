/**
 * Faults as a scenario writes them down: `at('2h').cutTrunk('b').for('9h')`. Without `for` what is broken stays so until everything is
 * healed at the end.
 */
import type { FaultKind } from '../faults/fault.js'
import {
  clockDrift,
  clockSkew,
  clone,
  diskFull,
  kill,
  mixedVersion,
  nodePause,
  partition,
  powerLoss,
  restoreOldCopy,
  relayRollback,
  trunkCut
} from '../faults/index.js'
import { milliseconds, type Duration } from './duration.js'
import type { Json, PlannedFault } from './plan.js'

/** A fault at its time, or at several. */
export class ScriptedFault {
  constructor(
    private readonly timesMs: (untilMs: number) => number[],
    /** @internal */
    readonly kind: FaultKind,
    /** One of these for each that is struck. */
    private readonly args: readonly Json[],
    private readonly forMs?: number
  ) {}

  /** How long it lasts. */
  for(duration: Duration): ScriptedFault {
    return new ScriptedFault(this.timesMs, this.kind, this.args, milliseconds(duration))
  }

  /** @internal */
  planned(id: string, untilMs: number): PlannedFault[] {
    const { kind, args } = this
    return this.timesMs(untilMs).flatMap((atMs, i) =>
      args.map((each, j) => ({
        id: `${id}.${i}${args.length > 1 ? `.${j}` : ''}`,
        atMs,
        forMs: this.forMs ?? untilMs - atMs,
        kind: kind.kind,
        args: each
      }))
    )
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

  /** kill -9 of nodes, or of the relay; they are started again at the end. */
  kill(...hosts: readonly Host<Sites>[]): ScriptedFault {
    return this.each(kill, hosts)
  }

  /** Machines lose their power: what was not fsynced may be lost. They boot at the end. */
  cutPower(...hosts: readonly Host<Sites>[]): ScriptedFault {
    return this.each(powerLoss, hosts)
  }

  /** Machines sleep, or their processes are stopped: all that would have happened to them happens when they go on. */
  suspend(...hosts: readonly Host<Sites>[]): ScriptedFault {
    return this.each(nodePause, hosts)
  }

  /** A backup is taken now, and put back at the end: `at('1h').rollBack('relay').for('24h')`. */
  rollBack(host: Host<Sites>): ScriptedFault {
    return host === 'relay' ? this.do(relayRollback, {}) : this.do(restoreOldCopy, { host })
  }

  /** The disk image of one node, its key with it, runs on another machine too. At the end that has its own key, and an empty disk. */
  clone(host: NodeName<Sites>, onto: NodeName<Sites>): ScriptedFault {
    return this.do(clone, { host, onto })
  }

  /** A wall clock is off by this, forwards or back, until it is set right at the end. */
  setClock(host: Host<Sites>, off: { readonly ahead: Duration } | { readonly behind: Duration }): ScriptedFault {
    return this.do(clockSkew, { host, byMs: 'ahead' in off ? milliseconds(off.ahead) : -milliseconds(off.behind) })
  }

  /** The clocks of a machine go too fast, in parts of a million; below 0 too slow. */
  drift(host: Host<Sites>, ppm: number): ScriptedFault {
    return this.do(clockDrift, { host, ppm })
  }

  /** A disk has room for so many bytes, and no more. */
  fillDisk(host: Host<Sites>, { roomBytes = 0 }: { readonly roomBytes?: number } = {}): ScriptedFault {
    return this.do(diskFull, { host, roomBytes })
  }

  /** A process is restarted as another version: `apart` is one that nobody else understands. */
  runAs(version: 'older' | 'newer' | 'apart', ...hosts: readonly Host<Sites>[]): ScriptedFault {
    return new ScriptedFault(
      this.timesMs,
      mixedVersion,
      hosts.map(host => ({ host, version }))
    )
  }

  /** Any kind of fault, also your own. */
  do<A extends Json>(kind: FaultKind<A>, args: A): ScriptedFault {
    return new ScriptedFault(this.timesMs, kind, [args])
  }

  private each(kind: FaultKind<{ readonly host: string }>, hosts: readonly string[]): ScriptedFault {
    return new ScriptedFault(
      this.timesMs,
      kind,
      hosts.map(host => ({ host }))
    )
  }
}

type Host<Sites extends string> = NodeName<Sites> | 'relay'

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
