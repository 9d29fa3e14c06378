/** `counter`, `elements`, `priority`: points that are not one value. */
import { InvalidArgumentError, type Command } from 'commander'
import type { PriorityAnswer, PriorityLevelAnswer } from '@selvedge/replica'
import { ask, type Asking } from '../asking.js'
import type { Io } from '../io.js'
import {
  asking,
  durably,
  examples,
  parseDuration,
  parseValue,
  writing,
  type AskOptions,
  type DurableOptions
} from '../options.js'
import { shownAge, shownDuration, shownValue } from '../output/text.js'

type WriteOptions = AskOptions & DurableOptions

export function compositeCommands(program: Command, io: Io): void {
  const counter = writing(asking(program.command('counter').description('show a counter, or add to it'), 'state'))
    .argument('<path>', 'path of the counter')
    .option('--add <amount>', 'add this (may be negative)', parseNumber)
    .action(async (path: string, options: WriteOptions & { add?: number }) => {
      const asked = await ask(io, options)
      const answer =
        options.add === undefined
          ? await asked.client.request<{ value: number }>('GET', '/counters/get', { query: { ...asked.where, path } })
          : await write<{ value: number }>(asked, '/counters/increment', { path, by: options.add }, options)
      await asked.print(answer, ({ value }) => `${path} = ${value}\n`)
    })
  examples(counter, 'selvedge counter visitors', 'selvedge counter visitors --add 1')

  const elements = writing(asking(program.command('elements').description('show a set, or change what is in it'), 'state'))
    .argument('<path>', 'path of the set')
    .option('--add <element>', 'add an element', parseElement)
    .option('--remove <element>', 'remove an element', parseElement)
    .action(async (path: string, options: WriteOptions & { add?: string | number; remove?: string | number }) => {
      const asked = await ask(io, options)
      const { add, remove } = options
      let answer = await asked.client.request<{ elements: unknown[] }>('GET', '/sets/get', { query: { ...asked.where, path } })
      if (add !== undefined) answer = await write(asked, '/sets/add', { path, element: add }, options)
      if (remove !== undefined) answer = await write(asked, '/sets/remove', { path, element: remove }, options)
      await asked.print(answer, ({ elements: items }) => items.map(item => `${shownValue(item)}\n`).join(''))
    })
  examples(elements, 'selvedge elements badges', 'selvedge elements badges --add B1072')

  priorityCommand(program, io)
}

interface PriorityOptions extends AskOptions, DurableOptions {
  readonly level?: number
  readonly write?: unknown
  readonly relinquish?: boolean
  readonly expires?: number
}

function priorityCommand(program: Command, io: Io): void {
  const priority = writing(
    asking(program.command('priority').description('show a priority array, fill a level or empty it'), 'state')
  )
    .argument('<path>', 'path of the point')
    .option('--level <level>', '1 (highest) to 16', parseLevel)
    .option('--write <value>', 'fill the level with this', parseValue)
    .option('--relinquish', 'empty the level')
    .option('--expires <duration>', 'emptied by itself after this time', parseDuration)
    .action(async (path: string, options: PriorityOptions, command: Command) => {
      const { level, write: filled, relinquish, expires } = options
      const changes = filled !== undefined || relinquish === true
      if (changes !== (level !== undefined)) command.error('error: --level goes with --write or --relinquish')
      if (filled !== undefined && relinquish) command.error('error: either --write or --relinquish')
      const asked = await ask(io, options)
      const answer = !changes
        ? await asked.client.request<PriorityAnswer>('GET', '/priority/get', { query: { ...asked.where, path } })
        : relinquish
          ? await write<PriorityAnswer>(asked, '/priority/relinquish', { path, level }, options)
          : await write<PriorityAnswer>(
              asked,
              '/priority/write',
              { path, level, value: filled, ...(expires === undefined ? {} : { expiresInMs: expires }) },
              options
            )
      await asked.print(answer, shown => levels(asked, shown))
    })
  examples(
    priority,
    'selvedge priority ahu/1/fan',
    'selvedge priority ahu/1/fan --level 8 --write 60 --expires 2h',
    'selvedge priority ahu/1/fan --level 8 --relinquish'
  )
}

function levels(asked: Asking, { path, unit = '', current, levels: filled }: PriorityAnswer): string {
  const nowMs = asked.io.nowMs()
  const from = current.level === undefined ? 'the relinquish default' : `level ${current.level}`
  const rows = asked.table<PriorityLevelAnswer>(
    filled,
    [
      { title: 'LEVEL', right: true, value: ({ level }) => String(level) },
      { title: 'VALUE', right: true, value: ({ value }) => shownValue(value, 40) },
      { title: 'AGE', optional: true, value: ({ ageMs }) => (ageMs === undefined ? '' : shownAge(ageMs)) },
      { title: 'WRITER', optional: true, value: ({ writerName }) => shownValue(writerName ?? '', 24) },
      {
        title: 'EXPIRES',
        optional: true,
        value: ({ expiresAtMs }) => (expiresAtMs === undefined ? '' : `in ${shownDuration(expiresAtMs - nowMs)}`)
      }
    ],
    'no level is filled'
  )
  return `${path} = ${asked.style.bold(`${shownValue(current.value)} ${unit}`.trimEnd())}, from ${from}\n${rows}`
}

function write<T>(asked: Asking, route: string, body: object, options: WriteOptions): Promise<T> {
  return asked.client.request<T>('POST', route, { body: { ...asked.where, ...body, ...durably(options) } })
}

function parseNumber(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  if (!Number.isFinite(value)) throw new InvalidArgumentError('Use a number.')
  return value
}

function parseElement(text: string): string | number {
  const value = parseValue(text)
  return typeof value === 'number' || typeof value === 'string' ? value : text
}

function parseLevel(text: string): number {
  if (!/^([1-9]|1[0-6])$/.test(text)) throw new InvalidArgumentError('Use a level from 1 to 16.')
  return Number(text)
}
