/**
 * `npm run exile`: a node cut off for a simulated month while devices go on writing. What it keeps (heap, disk, what it owes the
 * relay) and what the merge at its return costs on the wire must depend on how many points there are, and not on how many writes
 * were made. The real node and the real relay, on disk; only time and the trunk are simulated.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { below, seededRandom, type Random } from '@selvedge/core'
import { bytesOf } from './directory-bytes.js'
import { openLonelyBuilding, pass, passUntil, type LonelyBuilding } from './memory-trunk.js'
import type { Running, Verdict } from './verdict.js'

export interface ExileOptions extends Running {
  readonly points: number
  /** Writes of the node in a simulated second. */
  readonly rate: number
  /** The measure of the other: an exile of so many simulated days, and a merge. */
  readonly shortDays: number
  /** Then the long one, looked at after each of these, with a merge after the last. */
  readonly longDays: readonly number[]
  readonly seed: number
}

export interface ExileRow {
  readonly days: number
  readonly writes: number
  readonly heapMiB: number
  /** The logs of registers, as node and relay count them. */
  readonly logMiB: number
  /** Both data directories: the logs, and what LevelDB has not let go of yet. */
  readonly diskMiB: number
  /** Registers owed to the relay. */
  readonly backlog: number
  /** Of the node, by its table: live registers and tombstones. */
  readonly registers: number
  /** Undefined: the exile went on. */
  readonly merge: Merge | undefined
}

export interface Merge {
  readonly bytes: number
  readonly bytesPerPoint: number
  /** By the clock of the wall, both sides in one process. */
  readonly ms: number
  readonly conflicts: number
}

export interface ExileVerdict extends Verdict {
  readonly points: number
  readonly rate: number
  readonly rows: readonly ExileRow[]
  readonly seconds: number
}

/** Points that both the node and the cloud write. */
const sharedPart = 0.05
/** Points that are deleted and made again in turns. */
const fleetingPoints = 200
const cloudEverySeconds = 5
const fleetingEverySeconds = 30
const hour = 3_600
const day = 24 * hour
/** The machine's disk gets its turn so often: as with a disk this slow, what is overwritten meanwhile is stored once. */
const turnEverySeconds = 600
const mergeWithinMs = 600_000
/** Growth from the first exile to the longest that is taken for none: part of the first, and an absolute amount. */
const bounds = {
  heapMiB: { share: 0.25, least: 6 },
  // A log is rewritten once it is twice as large as what is live: a saw, and the first look may be at its lowest.
  logMiB: { share: 1, least: 1 },
  // LevelDB lets go of what is dead a table at a time: a saw of 6 to 20 MiB a store, whatever was written.
  diskMiB: { share: 0.1, least: 32 },
  backlog: { share: 0.05, least: 1_200 },
  mergeBytes: { share: 0.25, least: 64 * 1024 }
} as const
/** Nothing may cost more on the wire than this a point. */
const bytesPerPointMax = 64

export async function runExile(options: ExileOptions): Promise<ExileVerdict> {
  const startedMs = performance.now()
  const building = await openLonelyBuilding(options.seed)
  const rows: ExileRow[] = []
  const problems: string[] = []
  try {
    const exile = new Exile(options, building)
    await exile.settle()
    const note = (row: ExileRow): void => {
      rows.push(row)
      options.say(line(row))
    }
    await exile.run([options.shortDays], note)
    await exile.run(options.longDays, note)
  } catch (error) {
    if (!options.signal.aborted) problems.push(error instanceof Error ? error.message : String(error))
  }
  await building.close()
  problems.push(...growthProblems(rows))
  return {
    held: problems.length === 0,
    problems,
    points: options.points,
    rate: options.rate,
    rows,
    seconds: Math.round((performance.now() - startedMs) / 100) / 10
  }
}

/** What of a longer exile is more than the points account for. */
export function growthProblems(rows: readonly ExileRow[]): string[] {
  const [first, ...others] = rows
  if (!first) return []
  const problems: string[] = []
  const compare = (name: keyof typeof bounds, days: number, base: number, value: number): void => {
    const { share, least } = bounds[name]
    if (value > base + Math.max(least, share * base))
      problems.push(`${name} after ${days} days: ${value}; after ${first.days}: ${base}`)
  }
  for (const row of others) {
    compare('heapMiB', row.days, first.heapMiB, row.heapMiB)
    compare('logMiB', row.days, first.logMiB, row.logMiB)
    compare('diskMiB', row.days, first.diskMiB, row.diskMiB)
    compare('backlog', row.days, first.backlog, row.backlog)
    if (row.merge && first.merge) compare('mergeBytes', row.days, first.merge.bytes, row.merge.bytes)
  }
  for (const { days, merge } of rows)
    if (merge && merge.bytesPerPoint > bytesPerPointMax)
      problems.push(`the merge after ${days} days took ${merge.bytesPerPoint} bytes a point, more than ${bytesPerPointMax}`)
  return problems
}

class Exile {
  private readonly random: Random
  private second = 0
  private readonly paths: string[]

  constructor(
    private readonly options: ExileOptions,
    private readonly building: LonelyBuilding
  ) {
    this.random = seededRandom(options.seed)
    this.paths = Array.from({ length: options.points }, (_, i) => `floor/${i % 20}/point/${i}`)
  }

  /** Every point is written once, and node and relay are equal. */
  async settle(): Promise<void> {
    const { node } = this.building
    this.paths.forEach((path, i) => void node.points.set(path, i))
    await this.untilEqual()
  }

  /** An exile, looked at after each number of days, with a merge after the last. */
  async run(marks: readonly number[], note: (row: ExileRow) => void): Promise<void> {
    const { building, options } = this
    const lastDay = marks.at(-1) ?? 0
    building.cut()
    let writes = 0
    let marked = 0
    for (let second = 0; marked < marks.length; second++) {
      if (second >= marks[marked]! * day) {
        const days = marks[marked++]!
        const row = { days, writes, ...(await this.look()) }
        note({ ...row, merge: days === lastDay ? await this.merge() : undefined })
        continue
      }
      writes += this.actsOfASecond()
      building.clock.advance(1_000)
      if (second % turnEverySeconds === 0) await pass(building.clock, 0)
      if (second % hour === 0) await this.actsOfAnHour(second)
      if (second % hour === 0) options.progress(`day ${(second / day).toFixed(1)} of ${lastDay}: ${writes} writes`)
      options.signal.throwIfAborted()
    }
  }

  private async look(): Promise<Pick<ExileRow, 'heapMiB' | 'logMiB' | 'diskMiB' | 'backlog' | 'registers'>> {
    await this.untilStored()
    const { backlog, registers } = this.stateOfNode()
    const spaces = [...this.building.node.status().spaces, ...this.building.relay.status().sites.flatMap(site => site.spaces)]
    return {
      heapMiB: rounded(collectedHeapBytes() / 2 ** 20),
      logMiB: rounded(spaces.reduce((sum, { storedBytes }) => sum + storedBytes, 0) / 2 ** 20),
      diskMiB: rounded((await bytesOf(this.building.directory)) / 2 ** 20),
      backlog,
      registers
    }
  }

  private async merge(): Promise<Merge> {
    const { building, options } = this
    const before = building.relay.status()
    building.heal()
    const ms = await this.untilEqual()
    const after = building.relay.status()
    const bytes = after.bytesIn + after.bytesOut - before.bytesIn - before.bytesOut
    return {
      bytes,
      bytesPerPoint: rounded(bytes / options.points),
      ms: Math.round(ms),
      conflicts: building.node.healReports()[0]?.conflicts ?? 0
    }
  }

  private actsOfASecond(): number {
    const { building, options, paths, random } = this
    const { node, cloud } = building
    for (let i = 0; i < options.rate; i++) node.points.set(paths[below(random, paths.length)]!, random.uint32())
    this.second++
    if (this.second % cloudEverySeconds === 0)
      cloud.points.set(paths[below(random, Math.ceil(paths.length * sharedPart))]!, random.uint32())
    if (this.second % fleetingEverySeconds === 0) {
      const path = `fleeting/${below(random, fleetingPoints)}`
      if (node.points.get(path)) node.points.delete(path)
      else node.points.set(path, this.second)
    }
    return options.rate
  }

  private async actsOfAnHour(second: number): Promise<void> {
    const { node, clock } = this.building
    node
      .document('log')
      .doc.getMap('hours')
      .set(String((second / hour) % 24), second)
    if (second % day === 0) {
      const config = await passUntil(clock, node.config('plan'))
      await passUntil(
        clock,
        config.change('a new day', draft => void ((draft as Record<string, unknown>)['day'] = second / day))
      )
    }
    await this.untilStored()
  }

  /** The disk has had everything that was written so far. */
  private async untilStored(): Promise<void> {
    const { node, cloud, clock } = this.building
    const spaces = [node, cloud].flatMap(side => ['state', 'config'].map(name => side.space(name).replica))
    while (spaces.some(({ persister }) => persister.backlog > 0)) await pass(clock, 1)
  }

  private async untilEqual(): Promise<number> {
    const startedMs = performance.now()
    let simulatedMs = 0
    let connectedMs: number | undefined
    for (;;) {
      await pass(this.building.clock, 10)
      simulatedMs += 10
      const state = this.building.relay.status().sites[0]
      if (state?.connected) connectedMs ??= performance.now()
      if (connectedMs !== undefined && state?.caughtUp && this.isEqual()) return performance.now() - connectedMs
      if (simulatedMs > mergeWithinMs) throw new Error(`not equal ${mergeWithinMs} simulated ms after the trunk came back`)
      this.options.signal.throwIfAborted()
      if (performance.now() - startedMs > mergeWithinMs) throw new Error('not equal for too long')
    }
  }

  private isEqual(): boolean {
    const here = this.stateOfNode()
    const there = this.building.relay.status().sites[0]!.spaces
    return here.backlog === 0 && there.every(({ space, hash }) => here.hashes.get(space) === hash)
  }

  private stateOfNode(): { backlog: number; registers: number; hashes: Map<string, string> } {
    const spaces = this.building.node.status().spaces.filter(({ residency }) => residency === 'trunk')
    return {
      backlog: spaces.reduce((sum, { backlog }) => sum + (backlog ?? 0), 0),
      registers: spaces.reduce((sum, { registers, tombstones }) => sum + registers + tombstones, 0),
      hashes: new Map(spaces.map(({ space, hash }) => [space, hash]))
    }
  }
}

function line({ days, writes, heapMiB, logMiB, diskMiB, backlog, merge }: ExileRow): string {
  const merged = merge
    ? `; merge ${merge.bytes} bytes (${merge.bytesPerPoint} a point), ${merge.ms} ms, ${merge.conflicts} conflicts`
    : ''
  return `day ${days}: ${writes} writes, heap ${heapMiB} MiB, logs ${logMiB} MiB, disk ${diskMiB} MiB, owed ${backlog}${merged}`
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100
}

let collect: (() => void) | undefined

/** Heap and buffers that are left after collections. */
function collectedHeapBytes(): number {
  setFlagsFromString('--expose-gc')
  collect ??= runInNewContext('gc') as () => void
  for (let i = 0; i < 3; i++) collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
