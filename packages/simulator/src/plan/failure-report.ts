/** A failure told to a person: one sentence, what led to it, and how to see it again. */
import { clockTime } from './duration.js'
import type { RunResult } from './run-plan.js'
import { causalStory } from './story.js'

/** @param open the command that shows its timeline */
export function failureReport({ finding, seed, story }: RunResult, replay: string, open?: string): string {
  if (!finding) return ''
  return [
    finding.sentence,
    `  seed ${seed}: ${finding.check} (${finding.kind}) after ${clockTime(finding.atMs)}`,
    '',
    ...causalStory(story, finding).map(line => `  ${line}`),
    '',
    `  replay: ${replay}`,
    ...(open === undefined ? [] : [`  look:   ${open}`])
  ].join('\n')
}
