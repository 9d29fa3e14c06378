/** Samples: what was measured in rounds, and its median and spread. */

export interface Sample {
  readonly values: readonly number[]
  readonly median: number
  readonly min: number
  readonly max: number
}

export function sample(values: readonly number[]): Sample {
  if (values.length === 0) throw new Error('a sample needs a value')
  return { values, median: quantile(values, 0.5), min: Math.min(...values), max: Math.max(...values) }
}

/** The value below which the share `q` of the values lies, between neighbours in proportion. */
export function quantile(values: ArrayLike<number>, q: number): number {
  const sorted = Float64Array.from(values).sort()
  const at = (sorted.length - 1) * q
  const below = Math.floor(at)
  const low = sorted[below] ?? Number.NaN
  const high = sorted[Math.min(below + 1, sorted.length - 1)] ?? low
  return low + (high - low) * (at - below)
}

/**
 * Measures several things in turn, round by round, so that what else the machine does meets all of them alike. Each function gives
 * its figure for one round; the first round warms up and is not counted.
 */
export async function interleaved<Name extends string>(
  rounds: number,
  measures: Readonly<Record<Name, () => number | Promise<number>>>
): Promise<Record<Name, Sample>> {
  const names = Object.keys(measures) as Name[]
  const values = new Map<Name, number[]>(names.map(name => [name, []]))
  for (let round = 0; round <= rounds; round++)
    for (const name of round % 2 ? names.toReversed() : names) {
      const value = await measures[name]()
      if (round > 0) values.get(name)!.push(value)
    }
  return Object.fromEntries(names.map(name => [name, sample(values.get(name)!)])) as Record<Name, Sample>
}
