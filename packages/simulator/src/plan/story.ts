/** A run told in a few lines: what was broken, what was asked, what came of it. */
import type { Finding } from '../run.js'
import { clockTime } from './duration.js'

export interface StoryLine {
  readonly atMs: number
  readonly actor: string
  readonly text: string
}

/** At most `max` lines of a story, in order: its end, and before it what has most to do with the finding. */
export function causalStory(lines: readonly StoryLine[], finding: Finding, max = 10): string[] {
  const { kept, leftOut } = causalLines(lines, finding, max)
  return [...(leftOut > 0 ? [`… ${leftOut} other lines are left out`] : []), ...kept.map(tellLine)]
}

/** The same as lines; where some are left out one fewer, as that takes a line of its own to say. */
export function causalLines(
  lines: readonly StoryLine[],
  finding: Finding,
  max = 10
): { readonly kept: readonly StoryLine[]; readonly leftOut: number } {
  const about = lines.filter(({ atMs }) => atMs <= finding.atMs)
  if (about.length <= max) return { kept: about, leftOut: 0 }
  const words = wordsOf(finding)
  const weighed = about.map((line, i) => ({
    i,
    weight: weigh(line, words) + (i === about.length - 1 ? 1_000 : i / about.length)
  }))
  const kept = new Set(
    weighed
      .sort((a, b) => b.weight - a.weight)
      .slice(0, max - 1)
      .map(({ i }) => i)
  )
  return { kept: about.filter((_, i) => kept.has(i)), leftOut: about.length - kept.size }
}

function tellLine({ atMs, actor, text }: StoryLine): string {
  return `${clockTime(atMs)}  ${actor} ${text}`
}

function weigh({ actor, text }: StoryLine, words: ReadonlySet<string>): number {
  const shared = wordsIn(`${actor} ${text}`).filter(word => words.has(word)).length
  return shared + (actor === 'fault' ? 2 : 0)
}

function wordsOf({ sentence, details }: Finding): Set<string> {
  return new Set(wordsIn(`${sentence} ${JSON.stringify(details)}`))
}

/** Names of nodes, paths and documents have a hyphen, a slash or a digit; other words are of no use here. */
function wordsIn(text: string): string[] {
  return text.match(/[\w@-]+(?:\/[\w-]+)*/g)?.filter(word => /[-/\d]/.test(word) && word.length > 2) ?? []
}
