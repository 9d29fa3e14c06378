/** `sim`: runs scenarios under virtual time with faults, replays a run, and makes a failing one small. */
import { availableParallelism } from 'node:os'
import { readdirSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { SelvedgeError } from '@selvedge/core'
import type { Plan, RunResult } from '@selvedge/simulator'
import { simMutateCommand } from './sim-mutate.js'
import { simOpenCommand } from './sim-open.js'
import { cliErrors } from '../errors.js'
import { Ended } from '../failure.js'
import type { Io } from '../io.js'
import { examples, parseCount, parseDuration, parseJobs } from '../options.js'
import { styleFor } from '../output/style.js'
import { printable } from '../output/text.js'
import type { ScenarioSummary } from '../sim/protocol.js'
import { SeedRun } from '../sim/seed-run.js'
import { printableLines, progressLine, runReport, shrinkLine } from '../sim/sim-output.js'
import { exitCodeOf, simExitCodes, type FailureGroup, type ScenarioTally } from '../sim/tally.js'
import { targetOf, usage } from '../sim/target.js'
import { Worker, WorkerFailure } from '../sim/workers.js'

const defaultSeeds = 100
const defaultFailures = '.selvedge/failures'
/** Of so many seeds one is run twice. */
const compareEvery = 20
/** A progress line is drawn again after this. */
const redrawMs = 200
const exitCodesHelp =
  '\nExit codes: 0 all hold, 1 safety, 2 no evidence or never reached, 3 liveness, 4 not deterministic, 5 a mistake in use or of the harness.\n'

interface RunFlags {
  readonly seeds?: number
  readonly total?: number
  readonly jobs: number
  readonly time?: number
  readonly first: number
  readonly only?: string
  readonly checkDeterminism?: boolean
  readonly shrink: number
  readonly failures: string
  readonly json?: boolean
}

export function simCommands(program: Command, io: Io): void {
  const sim = program
    .command('sim')
    .description('test services in simulated buildings: partitions, crashes and bad clocks by the thousand')
  examples(
    sim,
    'selvedge sim run simulations --seeds 200 --time 60s',
    'selvedge sim replay .selvedge/failures/split-brain-17.json',
    'selvedge sim replay 17 simulations/split-brain.ts --until 5m',
    'selvedge sim open .selvedge/failures/split-brain-17.json'
  )
  sim.addHelpText('after', exitCodesHelp)
  runCommand(sim, io)
  replayCommand(sim, io)
  shrinkCommand(sim, io)
  simOpenCommand(sim, io)
  simMutateCommand(sim, io)
}

function runCommand(sim: Command, io: Io): void {
  const run = sim
    .command('run')
    .description('run seeds of every scenario in files or directories, in worker processes')
    .argument('<files...>', 'scenarios in TypeScript or JavaScript; of a directory, those in it and not below')
    .option(
      '--seeds <n>',
      `seeds of each scenario (default: ${defaultSeeds}; with --time or --total alone: as many as fit)`,
      parseCount
    )
    .option('--total <n>', 'seeds of all scenarios together, one of each at least: more of those that are quick', parseCount)
    .option('--jobs <n>', 'worker processes', parseJobs, Math.min(8, availableParallelism()))
    .option('--time <duration>', 'begin no further seed after this', parseDuration)
    .option('--first <seed>', 'the first seed', parseCount, 1)
    .option('--only <name>', 'scenarios whose name has this in it')
    .option('--check-determinism', `run every seed twice and compare (default: one of ${compareEvery})`)
    .option('--shrink <duration>', 'time to make each new failure small; 0s: leave it as it is', parseBudget, 30_000)
    .option('--failures <dir>', 'where plans of failures are kept', defaultFailures)
    .option('--json', 'print one JSON object a scenario')
    .action((files: string[], flags: RunFlags) => runSeeds(io, files, flags))
  examples(
    run,
    'selvedge sim run simulations/split-brain.ts --seeds 50',
    'selvedge sim run simulations --time 10m --jobs 4',
    'selvedge sim run simulations --total 10000'
  )
}

async function runSeeds(io: Io, paths: readonly string[], flags: RunFlags): Promise<void> {
  const scenarios = (await listScenarios(paths)).filter(({ name }) => flags.only === undefined || name.includes(flags.only))
  if (scenarios.length === 0) throw usage(`no scenario has ${JSON.stringify(flags.only)} in its name`)
  const withinMs = flags.time ?? Number.POSITIVE_INFINITY
  let drawnMs = Number.NEGATIVE_INFINITY
  const run = new SeedRun(scenarios, {
    jobs: Math.max(1, flags.jobs),
    first: flags.first,
    seeds: flags.seeds ?? (flags.time === undefined && flags.total === undefined ? defaultSeeds : Number.POSITIVE_INFINITY),
    ...(flags.total === undefined ? {} : { total: flags.total }),
    withinMs,
    compareEvery: flags.checkDeterminism ? 1 : compareEvery,
    nowMs: io.nowMs,
    onProgress: under => {
      if (io.nowMs() - drawnMs < redrawMs) return
      drawnMs = io.nowMs()
      io.progress?.(progressLine(under, withinMs))
    },
    // It may be long until the report.
    onFailure: ({ file, name }, { check, seed, sentence }) => {
      if (flags.json) return
      io.progress?.('')
      void io.write(
        printable(`✗ ${name}, seed ${seed}: ${sentence} (${check}; selvedge sim replay ${seed} ${relative('.', file)})`) + '\n'
      )
    }
  })
  const shrinker = new Worker()
  let interrupted = false
  const silence = io.onSignals({
    // The report so far is what Ctrl-C asks for.
    stop: () => {
      interrupted = true
      run.stop()
      shrinker.close()
    },
    force: () => process.exit(simExitCodes.harness)
  })
  try {
    await run.finish()
    if (!interrupted)
      for (const tally of run.tallies) for (const group of tally.groups) await describeFailure(io, shrinker, tally, group, flags)
  } finally {
    io.progress?.('')
    shrinker.close()
    silence()
  }
  if (flags.json) for (const tally of run.tallies) await io.write(`${JSON.stringify(jsonOf(tally))}\n`)
  else await io.write(`${interrupted ? 'stopped; so far:\n' : ''}${runReport(run, styleFor(io.colours))}`)
  throw new Ended(exitCodeOf(run.tallies))
}

/** Makes a failure small, keeps its plan, and tells it with the command that shows it again. */
async function describeFailure(
  io: Io,
  worker: Worker,
  { scenario }: ScenarioTally,
  group: FailureGroup,
  flags: RunFlags
): Promise<void> {
  if (!group.result?.finding) return
  const { failureReport, savePlan } = await import('@selvedge/simulator')
  const { file, name } = scenario
  const small = await worker
    .ask({ type: 'shrink', file, scenario: name, plan: group.seed, withinMs: flags.shrink }, news => {
      if (news.type !== 'shrinking') return
      io.progress?.(`making seed ${group.seed} small: ${shrinkLine(news.progress)}`)
    })
    .catch((error: unknown) => {
      if (error instanceof WorkerFailure) return undefined
      throw error
    })
  if (!small) return
  const path = savePlan(flags.failures, withFailure(small.plan, small.result), file)
  group.plan = path
  group.report = printableLines(failureReport(small.result, `selvedge sim replay ${path}`, `selvedge sim open ${path}`))
}

function replayCommand(sim: Command, io: Io): void {
  const replay = sim
    .command('replay')
    .description('run one seed or one saved plan, and tell what happens')
    .argument('<seed|plan>', 'a seed, or the file of a plan')
    .argument('[file]', 'the scenario: needed with a seed; of a plan it is known where it was')
    .option('--until <duration>', 'stop at this simulated time', parseDuration)
    .option('--only <name>', 'the scenario of that name, if the file has several')
    .option('--json', 'print the result as JSON, without the story')
    .action(async (which: string, file: string | undefined, flags: { until?: number; only?: string; json?: boolean }) => {
      const target = await targetOf(which, file, flags.only)
      const { clockTime, failureReport } = await import('@selvedge/simulator')
      const worker = new Worker()
      try {
        const { result } = await worker.ask({ type: 'replay', ...target, untilMs: flags.until }, news => {
          if (news.type === 'line' && !flags.json)
            void io.write(`${clockTime(news.line.atMs)}  ${printable(`${news.line.actor} ${news.line.text}`)}\n`)
        })
        const same = `${which}${file === undefined ? '' : ` ${file}`}${flags.only === undefined ? '' : ` --only ${JSON.stringify(flags.only)}`}`
        if (flags.json) await io.write(`${JSON.stringify({ ...result, story: undefined })}\n`)
        else if (result.finding)
          await io.write(
            `\n${printableLines(failureReport(result, `selvedge sim replay ${same}`, `selvedge sim open ${same}`))}\n`
          )
        else await io.write(`\nnothing fails; ${result.events} events, trace ${result.traceHash}\n`)
        throw new Ended(result.finding ? simExitCodes[result.finding.kind] : simExitCodes.pass)
      } finally {
        worker.close()
      }
    })
  examples(
    replay,
    'selvedge sim replay .selvedge/failures/split-brain-17.json',
    'selvedge sim replay 17 simulations/split-brain.ts --until 5m'
  )
}

function shrinkCommand(sim: Command, io: Io): void {
  const shrink = sim
    .command('shrink')
    .description('leave out of a failing plan whatever its failure does not need')
    .argument('<seed|plan>', 'a seed, or the file of a plan')
    .argument('[file]', 'the scenario: needed with a seed; of a plan it is known where it was')
    .option('--time <duration>', 'the smallest that is found in this time', parseDuration, 60_000)
    .option('--only <name>', 'the scenario of that name, if the file has several')
    .option('--failures <dir>', 'where the small plan is kept', defaultFailures)
    .action(async (which: string, file: string | undefined, flags: { time: number; only?: string; failures: string }) => {
      const target = await targetOf(which, file, flags.only)
      const { failureReport, savePlan } = await import('@selvedge/simulator')
      const worker = new Worker()
      try {
        const small = await worker.ask({ type: 'shrink', ...target, withinMs: flags.time }, news => {
          if (news.type !== 'shrinking') return
          io.progress?.(shrinkLine(news.progress))
        })
        io.progress?.('')
        if (!small) {
          await io.write('it does not fail, so there is nothing to shrink\n')
          return
        }
        const path = savePlan(flags.failures, withFailure(small.plan, small.result), target.file)
        const { operations, faults } = small.plan
        const rest = small.finished ? 'none can be left out' : 'the time was over'
        await io.write(
          `${operations.length} operations and ${faults.length} faults are left after ${small.runs} runs; ${rest}\n\n`
        )
        await io.write(
          `${printableLines(failureReport(small.result, `selvedge sim replay ${path}`, `selvedge sim open ${path}`))}\n`
        )
      } finally {
        io.progress?.('')
        worker.close()
      }
    })
  examples(shrink, 'selvedge sim shrink 17 simulations/split-brain.ts', 'selvedge sim shrink failure.json --time 5m')
}

async function listScenarios(paths: readonly string[]): Promise<ScenarioSummary[]> {
  const worker = new Worker()
  try {
    const all: ScenarioSummary[] = []
    for (const path of paths) {
      const before = all.length
      for (const file of filesOf(path)) all.push(...(await worker.ask({ type: 'list', file }).catch(notLoaded(file))))
      // Of a directory only some files need to: scenarios share what they import.
      if (all.length === before) throw usage(`${path} exports no scenario`)
    }
    return all
  } finally {
    worker.close()
  }
}

function notLoaded(file: string): (cause: unknown) => never {
  return cause => {
    if (!(cause instanceof WorkerFailure)) throw cause
    throw usage(whatAndWhere(cause.message) ?? `${file}: ${cause.message.split('\n')[0]}`)
  }
}

/** Of an error with its stack; the rest of it is the loader's. What does not parse may come after its place, and not before. */
function whatAndWhere(stack: string): string | undefined {
  const named = (line: string): boolean => /\.[cm]?[jt]s\b/.test(line) && !line.includes('node:internal')
  const lines = stack.split('\n').map(line => line.trim())
  const what = lines.find(line => /^(\w*Error\b|\[)/.test(line)) ?? lines[0] ?? ''
  if (named(what)) return what
  const where = lines.find(named)
  return where === undefined ? undefined : `${what} ${where}`
}

function filesOf(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [resolve(path)]
    return readdirSync(path)
      .filter(name => /\.(ts|js|mjs)$/.test(name) && !/\.(test|d)\.(ts|js|mjs)$/.test(name))
      .sort()
      .map(name => resolve(join(path, name)))
  } catch (cause) {
    throw new SelvedgeError(cliErrors.fileUnreadable, `${path} can't be read: ${(cause as Error).message}`, {
      cause,
      details: { file: path }
    })
  }
}

function withFailure(plan: Plan, { finding }: RunResult) {
  if (!finding) return plan
  const { check, fingerprint, sentence } = finding
  return { ...plan, failure: { check, fingerprint, sentence } }
}

function jsonOf({ scenario, seeds, simulatedMs, events, compared, groups, passed, unknown, never, reached }: ScenarioTally) {
  return {
    scenario: scenario.name,
    file: relative('.', scenario.file),
    seeds,
    simulatedMs,
    events,
    seedsComparedTwice: compared,
    passed,
    unknown,
    reached: Object.fromEntries(reached),
    neverReached: never,
    failures: groups.map(({ kind, check, fingerprint, seed, sentence, seeds: inSeeds, plan }) => ({
      kind,
      check,
      fingerprint,
      seed,
      sentence,
      seeds: inSeeds,
      plan
    }))
  }
}

function parseBudget(text: string): number {
  return /^0(ms|s|m|h|d)?$/.test(text) ? 0 : parseDuration(text)
}
