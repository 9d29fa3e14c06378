/** `config …`: config documents, their changes, releases and history. */
import type { Command } from 'commander'
import type {
  ConfigAnswer,
  ConfigChangeAnswer,
  ConfigConflictsAnswer,
  ConfigHistoryAnswer,
  DocumentAnswer
} from '@selvedge/replica'
import { ask, type Asking } from '../asking.js'
import type { Io } from '../io.js'
import { asking, examples, parseValue, type AskOptions } from '../options.js'
import { shownTime, shownValue } from '../output/text.js'

const hashDigits = 10

interface MessageOptions extends AskOptions {
  readonly message?: string
  readonly release?: boolean
}

export function configCommands(program: Command, io: Io): void {
  const config = program.command('config').description('config documents: read, change, release, roll back')
  examples(
    config,
    'selvedge config set hvac lobby/setpoint 21.5 -m "warmer lobby" --release',
    'selvedge config get hvac lobby/setpoint --released',
    'selvedge config history hvac',
    'selvedge config restore hvac 3f2a9c -m "back" --release'
  )
  readCommands(config, io)
  changeCommands(config, io)
}

function readCommands(config: Command, io: Io): void {
  asking(config.command('list').description('which config documents there are'), 'config').action(async (options: AskOptions) => {
    const asked = await ask(io, options)
    await asked.print(await asked.client.request<DocumentAnswer[]>('GET', '/config', { query: asked.where }), found =>
      asked.table<DocumentAnswer>(
        found,
        [
          { title: 'CONFIG', value: ({ id }) => shownValue(id) },
          {
            title: 'STATUS',
            value: ({ status }) => shownValue(status),
            style: ({ status }) => (status === 'complete' ? 'good' : 'warning')
          }
        ],
        'no config documents'
      )
    )
  })

  asking(config.command('get').description('show a config: the newest content, or the one that services apply'), 'config')
    .argument('<id>', 'id of the config')
    .argument('[path]', 'keys into it: lobby/setpoint')
    .option('--released', 'what services apply, in place of the newest content')
    .option('--at <heads>', 'as it was after these changes (hashes, separated by commas)')
    .action(async (id: string, path: string | undefined, options: AskOptions & { released?: boolean; at?: string }) =>
      getConfig(await ask(io, options), id, path, options)
    )

  asking(config.command('history').description('every change, the newest first'), 'config')
    .argument('<id>', 'id of the config')
    .action(async (id: string, options: AskOptions) => {
      const asked = await ask(io, options)
      const answer = await asked.client.request<ConfigHistoryAnswer>('GET', `${routeOf(id)}/history`, { query: asked.where })
      await asked.print(answer, shown => historyTable(asked, shown))
    })

  asking(config.command('conflicts').description('places to which concurrent changes gave different values'), 'config')
    .argument('<id>', 'id of the config')
    .action(async (id: string, options: AskOptions) => {
      const asked = await ask(io, options)
      const answer = await asked.client.request<ConfigConflictsAnswer>('GET', `${routeOf(id)}/conflicts`, { query: asked.where })
      await asked.print(answer, ({ conflicts }) =>
        asked.table(
          conflicts.flatMap(({ path, values }) => values.map(value => ({ path, ...value }))),
          [
            { title: 'PATH', value: ({ path }) => shownValue(path.join('/')) },
            { title: 'VALUE', value: ({ value }) => shownValue(value, 50), style: ({ wins }) => (wins ? 'bold' : 'plain') },
            { title: 'AUTHOR', value: ({ authorName, actor }) => shownValue(authorName ?? actor, 24) },
            { title: '', value: ({ wins }) => (wins ? 'wins' : '') }
          ],
          'no conflicts'
        )
      )
    })
}

function changeCommands(config: Command, io: Io): void {
  const change = async (options: MessageOptions, id: string, body: object): Promise<void> => {
    const { message, release = false } = options
    const asked = await ask(io, options)
    const full = { ...asked.where, ...body, release, ...(message === undefined ? {} : { message }) }
    const answer = await asked.client.request<ConfigChangeAnswer>('POST', `${routeOf(id)}/change`, { body: full })
    await asked.print(answer, shown => changeText(id, shown))
  }
  messaging(asking(config.command('set').description('change one place of a config; it is made if it is new'), 'config'))
    .argument('<id>', 'id of the config')
    .argument('<path>', "keys into it: lobby/setpoint; '/' is the whole content")
    .argument('<value>', 'JSON, or else a text', parseValue)
    .action((id: string, path: string, value: unknown, options: MessageOptions) => change(options, id, { path, value }))

  messaging(asking(config.command('unset').description('remove one place of a config'), 'config'))
    .argument('<id>', 'id of the config')
    .argument('<path>', 'keys into it')
    .action((id: string, path: string, options: MessageOptions) => change(options, id, { path, delete: true }))

  messaging(asking(config.command('restore').description('a new change that makes the content as it was'), 'config'))
    .argument('<id>', 'id of the config')
    .argument('<heads>', 'hashes of changes, or their first digits, separated by commas')
    .action(async (id: string, heads: string, options: MessageOptions) => {
      const { message, release = false } = options
      const asked = await ask(io, options)
      const body = { ...asked.where, heads: heads.split(','), release, ...(message === undefined ? {} : { message }) }
      const answer = await asked.client.request<ConfigChangeAnswer>('POST', `${routeOf(id)}/restore`, { body })
      await asked.print(answer, shown => changeText(id, shown))
    })

  asking(
    config.command('release').description('make services apply a version: the newest, or an earlier one (rollback)'),
    'config'
  )
    .argument('<id>', 'id of the config')
    .argument('[heads]', 'hashes of changes, or their first digits, separated by commas')
    .option('-m, --message <text>', 'why')
    .action(async (id: string, heads: string | undefined, options: MessageOptions) => {
      const asked = await ask(io, options)
      const { message } = options
      const body = {
        ...asked.where,
        ...(heads === undefined ? {} : { heads: heads.split(',') }),
        ...(message === undefined ? {} : { message })
      }
      const answer = await asked.client.request<ConfigAnswer>('POST', `${routeOf(id)}/release`, { body })
      await asked.print(answer, ({ release }) => `${id}: services apply ${digits(release?.heads ?? [])} now\n`)
    })
}

function messaging(command: Command): Command {
  return command
    .option('-m, --message <text>', 'why: it stays in the history')
    .option('--release', 'make services apply the result at once')
}

async function getConfig(
  asked: Asking,
  id: string,
  path: string | undefined,
  { released, at }: { released?: boolean; at?: string }
): Promise<void> {
  const { client, where, io, style } = asked
  if (at !== undefined) {
    const { content } = await client.request<{ content: unknown }>('GET', `${routeOf(id)}/at`, { query: { ...where, heads: at } })
    return io.write(pretty(placeOf(content, path)))
  }
  const answer = await client.request<ConfigAnswer>('GET', routeOf(id), { query: where })
  const content = released ? answer.released : answer.current
  if (path !== undefined) return io.write(pretty(placeOf(content, path)))
  await asked.print(answer, () => `${style.dim(summary(answer, io.nowMs()))}\n${pretty(content)}`)
}

function summary({ id, status, heads, release, pending }: ConfigAnswer, nowMs: number): string {
  const parts = [`config ${id}`, `newest ${digits(heads)}`]
  if (!release) parts.push('nothing is released: services apply nothing')
  else if (digits(release.heads) === digits([...heads].sort())) parts.push('released: services apply it')
  else parts.push(`services apply ${digits(release.heads)}, released ${shownTime(release.atMs, nowMs)}`)
  if (pending) parts.push(`a release of ${digits(pending.heads)} waits for its changes`)
  if (status !== 'complete') parts.push(status)
  return shownValue(parts.join(' · '))
}

function historyTable(asked: Asking, { changes }: ConfigHistoryAnswer): string {
  const nowMs = asked.io.nowMs()
  return asked.table<ConfigHistoryAnswer['changes'][number]>(
    changes,
    [
      { title: 'CHANGE', value: ({ hash }) => hash.slice(0, hashDigits), style: () => 'bold' },
      { title: 'TIME', value: ({ timeMs }) => shownTime(timeMs, nowMs) },
      { title: 'AUTHOR', value: ({ authorName, actor }) => shownValue(authorName ?? actor, 24) },
      { title: 'MESSAGE', value: ({ message }) => shownValue(message ?? '', 60) },
      { title: '', optional: true, value: ({ released }) => (released ? 'released' : ''), style: () => 'good' }
    ],
    'no changes'
  )
}

function changeText(id: string, { change, heads, released }: ConfigChangeAnswer): string {
  const what = change ? `${id}: change ${digits([change.hash])} is stored` : `${id}: nothing changed`
  return `${what}${released ? `; services apply ${digits(heads)} now` : ''}\n`
}

function digits(heads: readonly string[]): string {
  return heads.map(head => head.slice(0, hashDigits)).join(',') || 'nothing'
}

function placeOf(content: unknown, path: string | undefined): unknown {
  let place = content
  for (const key of (path ?? '').split('/').filter(part => part !== '')) {
    if (typeof place !== 'object' || place === null || !Object.hasOwn(place, key)) return undefined
    place = (place as Record<string, unknown>)[key]
  }
  return place
}

function pretty(value: unknown): string {
  return `${JSON.stringify(value ?? null, null, 2)}\n`
}

function routeOf(id: string): `/${string}` {
  return `/config/${encodeURIComponent(id)}`
}
