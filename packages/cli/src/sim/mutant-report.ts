/** What `selvedge sim mutate` tells: a line a mutant, and the score. */
import { scoreOf, type Mutant, type MutantOutcome } from '@selvedge/simulator'
import type { Style } from '../output/style.js'
import { printable } from '../output/text.js'
import { simExitCodes } from './tally.js'

export function mutantLine({ mutant, seeds, kill, alone }: MutantOutcome, wide: number, style: Style): string {
  const name = mutant.name.padEnd(wide)
  if (!kill) return `${style.bad('✗')} ${name}  lived through ${counted(seeds, 'seed')}: ${mutant.what}\n`
  if (isStale(kill)) return `${style.bad('!')} ${name}  ${printable(kill.sentence)}\n`
  const by = alone === undefined ? '' : alone ? ', and nothing else does' : ', and so does another'
  return `${style.good('✓')} ${name}  ${kill.check} in ${counted(seeds, 'seed')}${by}: ${style.dim(printable(kill.sentence))}\n`
}

/** `checks`: names of all that looked. */
export function scoreReport(
  outcomes: readonly MutantOutcome[],
  asked: readonly Mutant[],
  style: Style,
  checks: readonly string[] = []
): string {
  const fit = outcomes.filter(({ kill }) => !kill || !isStale(kill))
  const { killed, total, share, medianSeeds, byCheck, aloneByCheck, survivors } = scoreOf(fit)
  const lines = [
    '',
    `${killed} of ${counted(total, 'mutant')} noticed (${Math.floor(100 * share)} %)${medianSeeds === undefined ? '' : `, half of them within ${counted(medianSeeds, 'seed')}`}`,
    ...[...byCheck]
      .sort(([, a], [, b]) => b.length - a.length)
      .map(([check, names]) => {
        const alone = aloneByCheck.get(check) ?? []
        return `  ${check}: ${names.length}${alone.length > 0 ? `, of which nothing else notices ${alone.join(', ')}` : ''}`
      })
  ]
  const idle = fit.some(({ alone }) => alone !== undefined) ? checks.filter(check => !aloneByCheck.has(check)) : []
  if (idle.length > 0) lines.push(style.warning(`alone in noticing nothing: ${idle.join(', ')}`))
  if (survivors.length > 0) lines.push(`${style.bad('not noticed:')} ${survivors.join(', ')}`)
  const notRun = asked.length - outcomes.length
  if (notRun > 0) lines.push(style.warning(`${counted(notRun, 'mutant')} not run: the time was over`))
  const stale = outcomes.length - fit.length
  if (stale > 0) lines.push(style.bad(`${counted(stale, 'mutant')} not fitting the runtime as it is`))
  return `${lines.join('\n')}\n`
}

export function mutantsJson(outcomes: readonly MutantOutcome[], asked: readonly Mutant[]): object {
  const fit = outcomes.filter(({ kill }) => !kill || !isStale(kill))
  const { byCheck, aloneByCheck, ...score } = scoreOf(fit)
  return {
    ...score,
    notRun: asked.length - outcomes.length,
    byCheck: Object.fromEntries(byCheck),
    aloneByCheck: Object.fromEntries(aloneByCheck),
    mutants: outcomes.map(({ mutant, seeds, kill, alone }) => ({
      name: mutant.name,
      what: mutant.what,
      expected: mutant.killedBy,
      seeds,
      killedBy: kill?.check ?? null,
      seed: kill?.seed,
      sentence: kill?.sentence,
      alone
    }))
  }
}

/** A mutant that lives is something that no check has evidence of. */
export function exitCodeOfMutants(outcomes: readonly MutantOutcome[], asked: number): number {
  if (outcomes.some(({ kill }) => kill && isStale(kill))) return simExitCodes.harness
  return outcomes.length < asked || outcomes.some(({ kill }) => !kill) ? simExitCodes.unknown : simExitCodes.pass
}

/** Its text was not found in the runtime, so no bug was put there. */
function isStale({ check, sentence }: NonNullable<MutantOutcome['kill']>): boolean {
  return check === 'crash' && sentence.includes('StaleMutant')
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
