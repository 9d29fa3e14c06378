/** Arguments that several commands take, and how they are read. A mistake in one is a usage error, told before anything is asked. */
import { InvalidArgumentError, Option, type Command } from 'commander'

export const defaultDataDir = './selvedge-data'

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** `500ms`, `10s`, `15m`, `2h`, `1d` → milliseconds. */
export function parseDuration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h|d)$/.exec(text) ?? []
  const ms = Number(amount) * (unitsMs[unit ?? ''] ?? Number.NaN)
  if (!(ms > 0)) throw new InvalidArgumentError('Use a number and a unit: 500ms, 10s, 15m, 2h, 1d.')
  return ms
}

/** A whole number, 0 or more. */
export function parseCount(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('Use a whole number, 0 or more.')
  return Number(text)
}

/** How many processes. */
export function parseJobs(text: string): number {
  const jobs = parseCount(text)
  if (jobs < 1 || jobs > 256) throw new InvalidArgumentError('Use 1 to 256.')
  return jobs
}

/** JSON when it is JSON, else the text itself: `21.5`, `true`, `"21.5"`, `{"a":1}`, `eco`. */
export function parseValue(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

export function repeated(text: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), text]
}

export function dataOption(): Option {
  return new Option('-d, --data <dir>', 'data directory of the node or relay').env('SELVEDGE_DATA').default(defaultDataDir)
}

export interface AskOptions {
  readonly data: string
  readonly json?: boolean
  readonly site?: string
  readonly space?: string
}

/** Options of every command that asks a running node. */
export function asking(command: Command, space?: string): Command {
  command
    .addOption(dataOption())
    .option('--json', 'print what the node answers, as JSON')
    .option('--site <id>', 'which site: needed when asking a relay')
  if (space !== undefined) command.option('--space <name>', `which space (default: ${space})`)
  return command
}

const durableTimeoutMs = 10_000

export interface DurableOptions {
  readonly durable?: 'local' | 'site' | 'relay'
  readonly timeout: number
}

/** Options of every command that writes. */
export function writing(command: Command): Command {
  return command
    .addOption(
      new Option('--durable <level>', 'wait until it is fsynced here, on another node, or on the relay').choices([
        'local',
        'site',
        'relay'
      ])
    )
    .addOption(
      new Option('--timeout <duration>', 'how long to wait for that').argParser(parseDuration).default(durableTimeoutMs, '10s')
    )
}

export function durably({ durable, timeout }: DurableOptions): { durable?: string; timeoutMs?: number } {
  return durable === undefined ? {} : { durable, timeoutMs: timeout }
}

/** Examples at the end of a command's help. */
export function examples(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map(line => `  $ ${line}\n`).join('')}`)
}
