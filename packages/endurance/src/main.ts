/** The command of the long runs: `npm run soak`, `npm run kills`, `npm run cuts`, `npm run exile`. */
import { conflictsKept } from '@selvedge/replica'
import { parseArgs } from 'node:util'
import { runCuts } from './cuts.js'
import { runExile } from './exile.js'
import { runKills } from './kills.js'
import { runSoak } from './soak.js'
import { shown, type Running, type Verdict } from './verdict.js'

interface Option {
  readonly value: number
  readonly help: string
}

interface Command {
  readonly about: string
  readonly numbers: Readonly<Record<string, Option>>
  readonly texts?: Readonly<Record<string, { readonly value: string; readonly help: string }>>
  run(numbers: Readonly<Record<string, number>>, texts: Readonly<Record<string, string>>, running: Running): Promise<Verdict>
}

const seed: Option = { value: 20_260_101, help: 'what the run draws its randomness from' }
const settleWithinMs = 120_000
/** Code is compiled and rings are filled in the first minutes: a shorter run says nothing of growth. */
const judgedMinutesMin = 15
/** Rings of reports are full after some loops, and code is compiled; before that memory grows as it should. */
const judgedLoopsMin = 50

const commands: Readonly<Record<string, Command>> = {
  soak: {
    about: 'Three nodes and a relay under a steady load: nothing grows that need not, and at the end nothing is missing.',
    numbers: {
      minutes: { value: 30, help: 'how long' },
      rate: { value: 2_000, help: 'writes a second, of all nodes together' },
      points: { value: 3_000, help: 'points that are written' },
      every: { value: 5, help: 'seconds between samples' },
      seed
    },
    texts: { out: { value: 'soak-results', help: 'directory for samples.ndjson, soak.svg and verdict.json' } },
    run: ({ minutes, rate, points, every, seed: from }, { out }, running) =>
      runSoak({
        ...running,
        minutes: minutes!,
        rate: rate!,
        points: points!,
        nodes: 3,
        seed: from!,
        sampleEveryMs: every! * 1_000,
        out,
        settleWithinMs,
        judge: minutes! >= judgedMinutesMin,
        conflicts: conflictsKept
      })
  },
  kills: {
    about: 'kill -9 at random moments under load, of a node, the relay, or both: every acknowledged write must be there.',
    numbers: {
      loops: { value: 200, help: 'how often' },
      rate: { value: 600, help: 'writes a second, of all processes together' },
      points: { value: 600, help: 'points that are written' },
      seed
    },
    run: ({ loops, rate, points, seed: from }, _, running) =>
      runKills({ ...running, loops: loops!, rate: rate!, points: points!, nodes: 3, seed: from!, settleWithinMs })
  },
  cuts: {
    about: 'The trunk is cut under load: reset, closed, stalled, flapping. After each heal all are equal and nothing is missing.',
    numbers: {
      loops: { value: 100, help: 'how often' },
      rate: { value: 800, help: 'writes a second, of all processes together' },
      points: { value: 1_000, help: 'points that are written' },
      seed
    },
    run: ({ loops, rate, points, seed: from }, _, running) =>
      runCuts({
        ...running,
        loops: loops!,
        rate: rate!,
        points: points!,
        nodes: 3,
        seed: from!,
        settleWithinMs,
        conflicts: conflictsKept,
        judge: loops! >= judgedLoopsMin
      })
  },
  exile: {
    about: 'A node cut off for a simulated month: what it keeps, and what its return costs, depends on points and not on writes.',
    numbers: {
      points: { value: 10_000, help: 'points that are written' },
      rate: { value: 20, help: 'writes in a simulated second' },
      days: { value: 30, help: 'simulated days of the long exile, looked at after the 1st and a third of it' },
      seed
    },
    run: ({ points, rate, days, seed: from }, _, running) =>
      runExile({
        ...running,
        points: points!,
        rate: rate!,
        shortDays: days! / 30,
        longDays: [days! / 30, days! / 3, days!],
        seed: from!
      })
  }
}

function help(name: string, { about, numbers, texts }: Command): string {
  const rows = [
    ...Object.entries(numbers).map(([option, { value, help: text }]) => [`--${option} N`, `${text} (${value})`]),
    ...Object.entries(texts ?? {}).map(([option, { value, help: text }]) => [`--${option} PATH`, `${text} (${value})`]),
    ['--json', 'print the verdict as JSON on standard output'],
    ['--help', 'this text']
  ]
  return `npm run ${name} -- [options]

${about}

${rows.map(([option, text]) => `  ${option!.padEnd(14)} ${text}`).join('\n')}

Exit code: 0 when all held, 1 when something did not, 2 for a bad argument, 130 when it was stopped by Ctrl-C.
`
}

class BadArgument extends Error {}

function readArguments(command: Command, args: string[]) {
  const names = [...Object.keys(command.numbers), ...Object.keys(command.texts ?? {})]
  const options = Object.fromEntries(names.map(name => [name, { type: 'string' as const }]))
  const switches = { json: { type: 'boolean' as const }, help: { type: 'boolean' as const, short: 'h' } }
  let values: Record<string, string | boolean | undefined>
  try {
    values = parseArgs({ args, options: { ...options, ...switches } }).values
  } catch (error) {
    throw new BadArgument((error as Error).message)
  }
  const numbers: Record<string, number> = {}
  for (const [name, { value }] of Object.entries(command.numbers)) {
    const number = Number(values[name] ?? value)
    if (!(number > 0)) throw new BadArgument(`--${name} takes a number above 0, not '${String(values[name])}'`)
    numbers[name] = number
  }
  const texts: Record<string, string> = {}
  for (const [name, { value }] of Object.entries(command.texts ?? {})) texts[name] = String(values[name] ?? value)
  return { numbers, texts, json: values['json'] === true, help: values['help'] === true }
}

async function main([name = '', ...args]: string[]): Promise<number> {
  const command = commands[name]
  if (!command) throw new BadArgument(`there is no run '${name}'; there are: ${Object.keys(commands).join(', ')}`)
  const asked = readArguments(command, args)
  if (asked.help) return (process.stdout.write(help(name, command)), 0)
  const stop = new AbortController()
  process.on('SIGINT', () => {
    if (stop.signal.aborted) process.exit(130) // asked twice
    stop.abort(new Error('stopped'))
  })
  const terminal = process.stderr.isTTY
  const verdict = await command.run(asked.numbers, asked.texts, {
    progress: text => void (terminal && process.stderr.write(`\r\u001b[K${text}`)),
    say: text => void process.stderr.write(`${terminal ? '\r\u001b[K' : ''}${text}\n`),
    signal: stop.signal
  })
  if (terminal) process.stderr.write('\r\u001b[K')
  if (asked.json) process.stdout.write(`${JSON.stringify(verdict, undefined, 2)}\n`)
  else {
    const { held, problems, ...facts } = verdict
    process.stdout.write(`${factLines(facts)}\n${held ? 'PASS' : `FAIL\n${shown(problems)}`}\n`)
  }
  return stop.signal.aborted ? 130 : verdict.held ? 0 : 1
}

function factLines(facts: Readonly<Record<string, unknown>>): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      if (Array.isArray(value))
        return value.length === 0 ? `${name}: none` : `${name}:\n${value.map(item => `  ${inLine(item)}`).join('\n')}`
      return `${name}: ${inLine(value)}`
    })
    .join('\n')
}

function inLine(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  if ('text' in value && 'process' in value && 'quantity' in value)
    return `${String(value.process).padEnd(6)} ${String(value.quantity).padEnd(36)} ${String(value.text)}`
  return Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .map(([name, item]) => `${name} ${typeof item === 'object' ? `(${inLine(item)})` : String(item)}`)
    .join(', ')
}

main(process.argv.slice(2)).then(
  code => (process.exitCode = code),
  (error: unknown) => {
    if (error instanceof BadArgument) process.stderr.write(`${error.message}\n`)
    else process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    process.exitCode = error instanceof BadArgument ? 2 : 1
  }
)
