/** `sim mutate`: bugs are put into the runtime one at a time, to see which check notices each of them. */
import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import type { MutantOutcome } from '@selvedge/simulator'
import { Ended } from '../failure.js'
import type { Io } from '../io.js'
import { examples, parseCount, parseDuration, parseJobs } from '../options.js'
import { styleFor } from '../output/style.js'
import { Laboratory } from '../sim/laboratory.js'
import { exitCodeOfMutants, mutantLine, mutantsJson, scoreReport } from '../sim/mutant-report.js'
import { simExitCodes } from '../sim/tally.js'
import { usage } from '../sim/target.js'

interface MutateFlags {
  readonly only?: string
  readonly seeds: number
  readonly first: number
  readonly jobs: number
  readonly time?: number
  readonly alone?: boolean
  readonly list?: boolean
  readonly json?: boolean
}

export function simMutateCommand(sim: Command, io: Io): void {
  const mutate = sim
    .command('mutate')
    .description('put bugs into the runtime, one at a time, and tell which check notices each in how many seeds')
    .option('--only <name>', 'mutants whose name has this in it')
    .option('--seeds <n>', 'seeds that a mutant may live through', parseCount, 200)
    .option('--first <seed>', 'the first seed', parseCount, 1)
    .option('--jobs <n>', 'mutants at a time, each in a process', parseJobs, Math.min(8, availableParallelism()))
    .option('--time <duration>', 'begin no further seed after this', parseDuration)
    .option('--alone', 'also look whether any other check would have noticed: takes as many seeds again')
    .option('--list', 'only tell which mutants there are')
    .option('--json', 'print one JSON object')
    .action((flags: MutateFlags) => mutateRuntime(io, flags))
  examples(mutate, 'selvedge sim mutate --time 10m', 'selvedge sim mutate --only disk --seeds 2000', 'selvedge sim mutate --list')
  mutate.addHelpText(
    'after',
    '\nExit codes: 0 every mutant was noticed, 2 some were not, 5 a mistake in use, or a mutant that does not fit the runtime.\n'
  )
}

async function mutateRuntime(io: Io, flags: MutateFlags): Promise<void> {
  const { checkNames, hunt, mutants } = await import('@selvedge/simulator')
  const chosen = mutants.filter(({ name }) => flags.only === undefined || name.includes(flags.only))
  if (chosen.length === 0) throw usage(`no mutant has ${JSON.stringify(flags.only)} in its name`)
  const style = styleFor(io.colours)
  if (flags.list) {
    const listed = chosen.map(({ name, what, killedBy }) => ({ name, what, expected: killedBy }))
    const lines = chosen.map(({ name, what, killedBy }) => `${style.bold(name)}  ${what} ${style.dim(`(${killedBy})`)}`)
    return io.write(flags.json ? `${JSON.stringify(listed)}\n` : `${lines.join('\n')}\n`)
  }
  const laboratory = new Laboratory(io, chosen.length, flags.time)
  const silence = io.onSignals({ stop: () => laboratory.stop(), force: () => process.exit(simExitCodes.harness) })
  const wide = Math.max(...chosen.map(({ name }) => name.length))
  const outcomes: MutantOutcome[] = []
  try {
    await hunt({
      mutants: chosen,
      seeds: flags.seeds,
      firstSeed: flags.first,
      jobs: flags.jobs,
      alone: flags.alone ?? false,
      open: laboratory.open,
      isOver: () => laboratory.isOver,
      onOutcome: outcome => {
        // What was given up in the middle has no outcome.
        if (laboratory.stopped) return
        outcomes.push(outcome)
        laboratory.ended(outcome)
        io.progress?.('')
        if (!flags.json) void io.write(mutantLine(outcome, wide, style))
      }
    })
  } finally {
    laboratory.stop()
    io.progress?.('')
    silence()
  }
  if (flags.json) await io.write(`${JSON.stringify(mutantsJson(outcomes, chosen))}\n`)
  else await io.write(scoreReport(outcomes, chosen, style, checkNames()))
  throw new Ended(exitCodeOfMutants(outcomes, chosen.length))
}
