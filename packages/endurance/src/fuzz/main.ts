/** `npm run fuzz`: wears out every decoder of untrusted bytes. */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { seededRandom } from '@selvedge/core'
import type { SerialisedFinding } from './child-messages.js'
import { runTarget, type RunResult } from './run-target.js'
import type { Target } from './target.js'
import { targetNamed, targets } from './targets/index.js'

const help = `npm run fuzz -- [DECODER…] [options]

Hands mutated and made-up bytes to every decoder of untrusted bytes: no crash, no hang, no growth, and no error but ours.

  --inputs N      inputs for each decoder (default 1000000)
  --time SECONDS  runs each for so long instead, such as 60s
  --seed N        makes the same inputs again (default: another one each day)
  --jobs N        decoders at one time (default 2)
  --replay FILE   hands in the input of a finding again
  --list          names the decoders, and says where their bytes come from
  --json FILE     also writes the results
  --help          this text

A finding is printed, written to fuzz-DECODER-SEED-NUMBER.json, and ends that decoder's run.
Exit code: 0 when nothing was found, 1 when something was, 2 for a bad argument.
`

interface Choices {
  readonly chosen: readonly Target[]
  readonly inputs: number
  readonly timeMs: number | undefined
  readonly seed: number
  readonly jobs: number
  readonly json: string | undefined
}

function show(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}

function line({ target, inputs, messages, decoded, cpuMs, floors, finding }: RunResult): string {
  const rate = cpuMs > 0 ? Math.round((inputs * 1000) / cpuMs).toLocaleString('en') : '–'
  const growth = floors ? `${((floors.atTheEnd - floors.atATenth) / 2 ** 20).toFixed(1)} MiB` : '–'
  const share = inputs > 0 ? `${Math.round((100 * decoded) / inputs)} %` : '–'
  const cells = [
    target.padEnd(18),
    inputs.toLocaleString('en').padStart(12),
    messages.toLocaleString('en').padStart(12),
    share.padStart(8),
    rate.padStart(12),
    growth.padStart(10)
  ]
  return `${cells.join(' ')}  ${finding ? 'FOUND' : 'nothing'}`
}

function tell(finding: SerialisedFinding): void {
  const file = `fuzz-${finding.target}-${finding.seed}-${finding.number}.json`
  writeFileSync(file, `${JSON.stringify(finding, null, 2)}\n`)
  const bytes = finding.input.map(message => `  ${message}`).join('\n')
  process.stdout.write(
    `\n${finding.target}: ${finding.problem}\n  seed ${finding.seed}, input ${finding.number}, written to ${file}\n${bytes}\n${finding.stack}\n\n`
  )
}

async function runAll({ chosen, inputs, timeMs, seed, jobs, json }: Choices): Promise<number> {
  process.stdout.write(
    `seed ${seed}\n${'decoder'.padEnd(18)} ${'inputs'.padStart(12)} ${'messages'.padStart(12)} ${'decoded'.padStart(8)} ${'inputs/CPU s'.padStart(12)} ${'growth'.padStart(10)}\n`
  )
  const results: RunResult[] = []
  const waiting = [...chosen]
  const running = new Map<string, number>()
  const work = async (): Promise<void> => {
    for (let target = waiting.shift(); target; target = waiting.shift()) {
      const { name } = target
      const result = await runTarget(target, {
        seed,
        inputs,
        timeMs,
        progress: done => {
          running.set(name, done)
          show([...running].map(([each, count]) => `${each} ${count.toLocaleString('en')}`).join(' · '))
        }
      })
      running.delete(name)
      show('')
      results.push(result)
      process.stdout.write(`${line(result)}\n`)
      if (result.finding) tell(result.finding)
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`)
  return results.some(({ finding }) => finding) ? 1 : 0
}

async function replay(file: string): Promise<number> {
  const { target: name, seed, input } = JSON.parse(readFileSync(file, 'utf8')) as SerialisedFinding
  const target = targetNamed(name)
  if (!target) return refuse(`there is no decoder '${name}'`)
  const open = await target.open(seededRandom(seed).fork(`${name} corpus`))
  try {
    process.stdout.write(`${name}: ${await open.take(input.map(hex => new Uint8Array(Buffer.from(hex, 'hex'))))}\n`)
    return 0
  } catch (error) {
    process.stdout.write(`${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
    return 1
  } finally {
    await open.close?.()
  }
}

function refuse(problem: string): number {
  process.stderr.write(`${problem}\n`)
  return 2
}

function countOf(text: string | undefined, fallback: number): number | undefined {
  if (text === undefined) return fallback
  const count = Number(text.replace(/s$/, ''))
  return Number.isSafeInteger(count) && count > 0 ? count : undefined
}

async function main(): Promise<number> {
  let parsed
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        inputs: { type: 'string' },
        time: { type: 'string' },
        seed: { type: 'string' },
        jobs: { type: 'string' },
        replay: { type: 'string' },
        json: { type: 'string' },
        list: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' }
      }
    })
  } catch (error) {
    return refuse(`${(error as Error).message}\n\n${help}`)
  }
  const { values, positionals } = parsed
  if (values.help) return (process.stdout.write(help), 0)
  if (values.list) return (process.stdout.write(targets.map(({ name, from }) => `${name.padEnd(18)} ${from}\n`).join('')), 0)
  if (values.replay !== undefined) return replay(values.replay)
  const unknown = positionals.find(name => !targetNamed(name))
  if (unknown !== undefined) return refuse(`there is no decoder '${unknown}'; --list names them`)
  const inputs = countOf(values.inputs, 1_000_000)
  const seconds = countOf(values.time, 0)
  const jobs = countOf(values.jobs, 2)
  const seed = countOf(values.seed, Math.floor(Date.now() / 86_400_000))
  if (inputs === undefined || seconds === undefined || jobs === undefined || seed === undefined)
    return refuse('--inputs, --time, --jobs and --seed take a whole number above 0')
  const chosen = positionals.length > 0 ? positionals.map(name => targetNamed(name)!) : targets
  return runAll({ chosen, inputs, timeMs: seconds > 0 ? seconds * 1000 : undefined, seed, jobs, json: values.json })
}

process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
process.exitCode = await main()
