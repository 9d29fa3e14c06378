/** What a run came to: facts for people and machines, and problems, none of which may be left. */
export interface Verdict {
  readonly held: boolean
  readonly problems: readonly string[]
}

/** How a run tells what it is doing, and is told to stop. */
export interface Running {
  /** One line that replaces the last. */
  readonly progress: (text: string) => void
  /** A line that stays. */
  readonly say: (text: string) => void
  readonly signal: AbortSignal
}

const problemsShown = 20

/** Problems in a form that fits a terminal. */
export function shown(problems: readonly string[]): string {
  const more = problems.length - problemsShown
  return [...problems.slice(0, problemsShown), ...(more > 0 ? [`… and ${more} more`] : [])].map(line => `  ${line}`).join('\n')
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

/** The value below which the given part of all lies. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.slice().sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0
}
