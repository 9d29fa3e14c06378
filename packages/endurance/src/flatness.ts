/**
 * Whether a quantity stays flat: the slope of its samples, by Theil and Sen (the median of the slopes of all pairs: a few outliers,
 * such as a collection of garbage or a rewritten log, do not move it), over the part in which the run has settled, projected over the
 * whole run, beside the quantity's level.
 *
 * H. Theil, A rank-invariant method of linear and polynomial regression analysis (1950); P. K. Sen (1968).
 */
export interface Sample {
  readonly atMs: number
  readonly value: number
}

export interface FlatnessRule {
  /** The change over the run may be this part of the level. */
  readonly share: number
  /** And, whatever the level, this much. */
  readonly least: number
}

export interface Flatness {
  /** The median of the settled part. */
  readonly level: number
  /** What the slope comes to over the whole run. */
  readonly drift: number
  readonly allowed: number
  readonly flat: boolean
}

/** The run has settled after this part of it. */
const settledAfter = 1 / 3
/** Fewer settled samples say nothing. */
const samplesMin = 6
/** More are thinned out: all pairs are looked at. */
const samplesMax = 500

/** Undefined: too few samples to judge by. Growth is what is judged: what falls is flat. */
export function flatness(samples: readonly Sample[], rule: FlatnessRule): Flatness | undefined {
  const first = samples[0]
  const last = samples.at(-1)
  if (!first || !last) return undefined
  const runMs = last.atMs - first.atMs
  const settled = samples.filter(({ atMs }) => atMs >= first.atMs + runMs * settledAfter)
  if (settled.length < samplesMin) return undefined
  const level = median(settled.map(({ value }) => value))
  const every = Math.ceil(settled.length / samplesMax)
  const drift = slope(settled.filter((_, i) => i % every === 0)) * runMs
  const allowed = Math.max(rule.least, rule.share * level)
  return { level, drift, allowed, flat: drift <= allowed }
}

/** Theil–Sen: the median slope of all pairs, a millisecond. */
export function slope(samples: readonly Sample[]): number {
  const slopes: number[] = []
  for (let i = 0; i < samples.length; i++)
    for (let j = i + 1; j < samples.length; j++) {
      const a = samples[i]!
      const b = samples[j]!
      if (b.atMs !== a.atMs) slopes.push((b.value - a.value) / (b.atMs - a.atMs))
    }
  return slopes.length === 0 ? 0 : median(slopes)
}

function median(values: readonly number[]): number {
  const sorted = values.slice().sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
