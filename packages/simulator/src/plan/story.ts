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
  const about = lines.filter(({ atMs }) => atMs <= finding.atMs)
  if (about.length <= max) return about.map(tellLine)
  const words = wordsOf(finding)
  const weighed = about.map((line, i) => ({
    i,
    weight: weigh(line, words) + (i === about.length - 1 ? 1_000 : i / about.length)
  }))
  // One line of the ten tells how many are left out.
  const kept = new Set(
    weighed
      .sort((a, b) => b.weight - a.weight)
      .slice(0, max - 1)
      .map(({ i }) => i)
  )
  return [`… ${about.length - kept.size} other lines are left out`, ...about.filter((_, i) => kept.has(i)).map(tellLine)]
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
