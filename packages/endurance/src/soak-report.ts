/** What a soak's samples say: whether each quantity of each process is flat, and a chart of them. */
import { lineChart, type ChartOptions, type Line, type Panel } from './chart.js'
import { flatness, type Flatness, type FlatnessRule, type Sample } from './flatness.js'
import type { Vitals } from './process/protocol.js'

export interface ProcessSample extends Vitals {
  readonly atMs: number
  readonly process: string
  /** Bytes of the process' data directory. */
  readonly diskBytes: number
}

export interface Judged extends Flatness {
  readonly process: string
  readonly quantity: string
  readonly text: string
}

interface Quantity {
  readonly title: string
  readonly unit: string
  readonly of: (sample: ProcessSample) => number | undefined
  /** How much growth over the run is taken for none; undefined: shown, not judged, as it is the machine's as much as ours. */
  readonly rule: FlatnessRule | undefined
}

const mebi = 2 ** 20

/** At most 10 % of the level over the run, or what follows. */
export const quantities: readonly Quantity[] = [
  {
    title: 'Heap and buffers after collection',
    unit: 'MiB',
    of: ({ floorBytes }) => (floorBytes === undefined ? undefined : floorBytes / mebi),
    rule: { share: 0.1, least: 2 }
  },
  { title: 'Heap and buffers', unit: 'MiB', of: ({ heapBytes }) => heapBytes / mebi, rule: undefined },
  { title: 'Resident memory', unit: 'MiB', of: ({ rssBytes }) => rssBytes / mebi, rule: { share: 0.1, least: 16 } },
  { title: 'Open file descriptors', unit: '', of: ({ descriptors }) => descriptors, rule: { share: 0.1, least: 4 } },
  {
    title: 'Logs of registers on disk',
    unit: 'MiB',
    of: ({ storedBytes }) => storedBytes / mebi,
    rule: { share: 0.1, least: 1 }
  },
  // LevelDB lets go of what is dead a table at a time: the directory is a saw of 6 to 20 MiB, whatever was written.
  { title: 'Data directory', unit: 'MiB', of: ({ diskBytes }) => diskBytes / mebi, rule: { share: 0.1, least: 16 } },
  {
    title: 'Backlog, all peers',
    unit: 'changes',
    of: ({ backlog }) => Object.values(backlog).reduce((sum, changes) => sum + changes, 0),
    rule: { share: 0.1, least: 500 }
  },
  { title: 'Event loop delay, 99th percentile', unit: 'ms', of: ({ loopDelayP99Ms }) => loopDelayP99Ms, rule: undefined },
  { title: 'CPU', unit: '% of a core', of: ({ cpuShare }) => cpuShare * 100, rule: undefined }
]

/** Every judged quantity of every process. */
export function judged(samples: readonly ProcessSample[]): Judged[] {
  const all: Judged[] = []
  for (const { title, unit, of, rule } of quantities)
    for (const process_ of processesOf(samples)) {
      const found = rule && flatness(series(samples, process_, of), rule)
      if (!found) continue
      const { level, drift, allowed } = found
      const text = `${signed(drift)} over the run at a level of ${rounded(level)} ${unit} (allowed +${rounded(allowed)})`
      all.push({ ...found, process: process_, quantity: title, text })
    }
  return all
}

/** One panel a quantity, one line a process. */
export function soakChart(samples: readonly ProcessSample[], flat: readonly Judged[], options: ChartOptions): string {
  const panels = quantities.map(({ title, unit, of, rule }): Panel => {
    const verdicts = flat.filter(({ quantity }) => quantity === title)
    const growing = verdicts.filter(each => !each.flat)
    const note =
      verdicts.length === 0
        ? rule
          ? 'too few samples to judge'
          : 'shown, not judged'
        : growing.length === 0
          ? `flat: ${verdicts.map(({ process: name, drift }) => `${name} ${signed(drift)}`).join(', ')} ${unit} over the run`
          : `GROWS: ${growing.map(({ process: name, drift }) => `${name} ${signed(drift)}`).join(', ')} ${unit} over the run`
    const lines = processesOf(samples).map((name): Line => ({
      name,
      points: series(samples, name, of).map(({ atMs, value }) => ({ x: atMs / 60_000, y: value }))
    }))
    return { title, unit, lines, note }
  })
  return lineChart(panels, options)
}

function processesOf(samples: readonly ProcessSample[]): string[] {
  return [...new Set(samples.map(sample => sample.process))]
}

function series(samples: readonly ProcessSample[], name: string, of: Quantity['of']): Sample[] {
  return samples.flatMap(sample => {
    const value = sample.process === name ? of(sample) : undefined
    return value === undefined ? [] : [{ atMs: sample.atMs, value }]
  })
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(3)))
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${rounded(Math.abs(value))}`
}
