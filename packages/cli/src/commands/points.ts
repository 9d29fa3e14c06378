/** `get`, `set`, `delete`, `watch`: points. */
import { Option, type Command } from 'commander'
import type { ChangeAnswer, ReadingAnswer, WriteAnswer } from '@selvedge/replica'
import { ask, type Asking } from '../asking.js'
import type { Io } from '../io.js'
import {
  asking,
  durably,
  examples,
  parseCount,
  parseDuration,
  parseValue,
  writing,
  type AskOptions,
  type DurableOptions
} from '../options.js'
import { shownAge, shownDuration, shownTime, shownValue } from '../output/text.js'

const valueLengthMax = 60

export function pointCommands(program: Command, io: Io): void {
  const get = asking(program.command('get').description('show points: one, or all that match a pattern'), 'state')
    .argument('[path]', 'path, or pattern (* one segment, ** any number)', '**')
    .option('--value', 'print the value alone, as JSON')
    .action(async (path: string, options: AskOptions & { value?: boolean }) =>
      getPoints(await ask(io, options), path, options.value === true)
    )
  examples(get, 'selvedge get', 'selvedge get "ahu/*/supply-temp"', 'selvedge get ahu/1/setpoint --value')

  const set = writing(asking(program.command('set').description('write a point'), 'state'))
    .argument('<path>', 'path of the point')
    .argument('<value>', 'JSON, or else a text', parseValue)
    .addOption(new Option('--quality <quality>', 'what to say of the value').choices(['good', 'uncertain', 'bad']))
    .option('--expires <duration>', 'absent again after this time: for overrides', parseDuration)
    .action(async (path: string, value: unknown, options: SetOptions) => setPoint(await ask(io, options), path, value, options))
  examples(
    set,
    'selvedge set ahu/1/setpoint 21.5',
    'selvedge set ahu/1/mode eco --durable site --timeout 5s',
    'selvedge set ahu/1/override true --expires 30m',
    'selvedge set ahu/1/label \'"42"\'   # the text 42, not the number'
  )

  const remove = writing(asking(program.command('delete').description('delete a point'), 'state'))
    .argument('<path>', 'path of the point')
    .action(async (path: string, options: AskOptions & DurableOptions) => {
      const asked = await ask(io, options)
      const query = { ...asked.where, path, ...durably(options) }
      const answer = await asked.client.request<WriteAnswer>('DELETE', '/points', { query })
      await asked.print(answer, () => `deleted ${path}${reachedText(answer)}\n`)
    })
  examples(remove, 'selvedge delete ahu/1/override')

  const watch = asking(program.command('watch').description('print points as they change, until stopped'), 'state')
    .argument('[pattern]', 'path or pattern', '**')
    .option('--no-initial', 'leave out what stands there now')
    .option('--max-age <duration>', 'leave out changes that are older when they arrive', parseDuration)
    .option('--count <n>', 'end after so many', parseCount)
    .action(async (pattern: string, options: WatchOptions) => watchPoints(await ask(io, options), pattern, options))
  examples(watch, 'selvedge watch "zone/**"', 'selvedge watch ahu/1/setpoint --no-initial --count 1 --json')
}

interface SetOptions extends AskOptions, DurableOptions {
  readonly quality?: string
  readonly expires?: number
}

interface WatchOptions extends AskOptions {
  readonly initial: boolean
  readonly maxAge?: number
  readonly count?: number
}

async function getPoints(asked: Asking, path: string, valueOnly: boolean): Promise<void> {
  const { client, where, io, json } = asked
  const readings: ReadingAnswer[] = []
  if (!path.includes('*')) readings.push(await client.request('GET', '/points/get', { query: { ...where, path } }))
  else
    for await (const reading of client.stream<ReadingAnswer>('/points/list', { query: { ...where, pattern: path } }))
      readings.push(reading)
  readings.sort((a, b) => (a.path < b.path ? -1 : 1))
  if (valueOnly) return io.write(readings.map(({ value }) => `${JSON.stringify(value)}\n`).join(''))
  if (json) return io.write(`${JSON.stringify(path.includes('*') ? readings : readings[0], null, 2)}\n`)
  const nowMs = io.nowMs()
  await io.write(
    asked.table(
      readings,
      [
        { title: 'PATH', value: reading => shownValue(reading.path) },
        { title: 'VALUE', right: true, value: reading => shownValue(reading.value, valueLengthMax), style: () => 'bold' },
        { title: 'UNIT', optional: true, value: reading => reading.unit ?? '' },
        {
          title: 'QUALITY',
          value: reading => reading.quality,
          style: ({ quality }) => (quality === 'good' ? 'good' : 'warning')
        },
        { title: 'AGE', value: reading => shownAge(reading.ageMs) },
        { title: 'WRITER', value: reading => shownValue(reading.writerName, 24) },
        { title: 'REACHED', value: reading => reading.reached },
        { title: 'NOTE', optional: true, value: reading => noteOf(reading, nowMs), style: () => 'warning' }
      ],
      `nothing matches ${path}`
    )
  )
}

function noteOf({ stale, expiresAtMs }: ReadingAnswer, nowMs: number): string {
  const staleness = stale === 'writer-gone' ? 'stale: its writer is gone' : stale === 'overdue' ? 'stale: overdue' : ''
  const expiry = expiresAtMs === undefined ? '' : `expires in ${shownDuration(Math.max(0, expiresAtMs - nowMs))}`
  return [staleness, expiry].filter(text => text !== '').join(', ')
}

async function setPoint(asked: Asking, path: string, value: unknown, options: SetOptions): Promise<void> {
  const body = {
    ...asked.where,
    path,
    value,
    ...(options.quality === undefined ? {} : { quality: options.quality }),
    ...(options.expires === undefined ? {} : { expiresInMs: options.expires }),
    ...durably(options)
  }
  const answer = await asked.client.request<WriteAnswer>('PUT', '/points', { body })
  await asked.print(answer, () => `set ${path} to ${shownValue(value, valueLengthMax)}${reachedText(answer)}\n`)
}

/** What to say of how far a write got. */
export function reachedText({ reached, shadowed }: WriteAnswer): string {
  if (shadowed) return "; held back: this node's clock is too far ahead (see selvedge held-back)"
  if (reached === 'memory') return ''
  return `; durable ${{ local: 'here', site: 'in the site', relay: 'at the relay' }[reached]}`
}

async function watchPoints(asked: Asking, pattern: string, { initial, maxAge, count }: WatchOptions): Promise<void> {
  if (count === 0) return
  const { client, io, json, style, where } = asked
  const stopped = new AbortController()
  const unsubscribe = io.onSignals({ stop: () => stopped.abort(), force: () => stopped.abort() })
  const query = { ...where, pattern, initial, ...(maxAge === undefined ? {} : { maxAgeMs: maxAge }) }
  let left = count ?? Number.POSITIVE_INFINITY
  try {
    for await (const change of client.stream<ChangeAnswer>('/watch', { query, signal: stopped.signal })) {
      await io.write(json ? `${JSON.stringify(change)}\n` : changeLine(change, io.nowMs(), style))
      if (--left <= 0) break
    }
  } catch (error) {
    if (!stopped.signal.aborted) throw error
  } finally {
    unsubscribe()
  }
}

function changeLine(change: ChangeAnswer, nowMs: number, style: Asking['style']): string {
  const { path, slot, value, unit, quality, origin, writerName, ageMs, atMs } = change
  const gone = value === undefined
  const shown = gone
    ? style.dim('gone')
    : style.bold(`${shownValue(value, valueLengthMax)}${unit === undefined ? '' : ` ${unit}`}`)
  const notes = [
    ...(quality === 'good' || gone ? [] : [style.warning(quality)]),
    ...(origin === 'merged' && !change.initial ? [style.warning(`merged, ${shownAge(ageMs)}`)] : []),
    style.dim(`by ${shownValue(writerName, 24)}`)
  ]
  const address = slot === '' ? shownValue(path) : `${shownValue(path)} [${shownValue(slot, 24)}]`
  return `${style.dim(shownTime(atMs, nowMs))}  ${address}  ${shown}  ${notes.join('  ')}\n`
}
