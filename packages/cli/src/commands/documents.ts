/** `doc …`: shared documents. */
import type { Command } from 'commander'
import type { DocumentAnswer, ShownDocumentAnswer } from '@selvedge/replica'
import { ask } from '../asking.js'
import type { Io } from '../io.js'
import { asking, examples, parseCount, parseValue, type AskOptions } from '../options.js'
import { shownValue } from '../output/text.js'

interface TextOptions extends AskOptions {
  readonly insert?: string
  readonly at?: number
  readonly replace?: string
}

export function documentCommands(program: Command, io: Io): void {
  const doc = program.command('doc').description('shared documents: list, show, edit texts and maps')
  examples(doc, 'selvedge doc list', 'selvedge doc show notes', 'selvedge doc text notes body --insert "filter changed"')

  asking(doc.command('list').description('which documents there are'), 'state').action(async (options: AskOptions) => {
    const asked = await ask(io, options)
    await asked.print(await asked.client.request<DocumentAnswer[]>('GET', '/documents', { query: asked.where }), found =>
      asked.table<DocumentAnswer>(
        found,
        [
          { title: 'DOCUMENT', value: ({ id }) => shownValue(id) },
          { title: 'ENGINE', value: ({ engine }) => engine },
          {
            title: 'STATUS',
            value: ({ status }) => shownValue(status),
            style: ({ status }) => (status === 'complete' ? 'good' : 'warning')
          }
        ],
        'no documents'
      )
    )
  })

  asking(doc.command('show').description('what is in a document, as JSON'), 'state')
    .argument('<id>', 'id of the document')
    .action(async (id: string, options: AskOptions) => {
      const asked = await ask(io, options)
      const answer = await asked.client.request<ShownDocumentAnswer>('GET', routeOf(id), { query: asked.where })
      await asked.print(answer, ({ content }) => `${JSON.stringify(content, null, 2)}\n`)
    })

  const text = asking(doc.command('text').description('show a text of a document, or edit it'), 'state')
    .argument('<id>', 'id of the document; it is made if it is new and edited')
    .argument('<name>', 'name of the text in it')
    .option('--insert <text>', 'insert this')
    .option('--at <offset>', 'where (default: at the end)', parseCount)
    .option('--replace <text>', 'make this the whole text; what stays the same is not touched')
    .action((id: string, name: string, options: TextOptions, command: Command) => editText(io, id, name, options, command))
  examples(
    text,
    'selvedge doc text notes body',
    'selvedge doc text notes body --insert "AHU 1: " --at 0',
    'selvedge doc text notes body --replace ""'
  )

  const map = asking(doc.command('map').description('set or delete an entry of a map of a document'), 'state')
    .argument('<id>', 'id of the document; it is made if it is new')
    .argument('<name>', 'name of the map in it')
    .argument('<key>', 'key of the entry')
    .argument('[value]', 'JSON, or else a text; without it the entry is deleted', parseValue)
    .action(async (id: string, name: string, key: string, value: unknown, options: AskOptions) => {
      const asked = await ask(io, options)
      const body = { ...asked.where, name, key, ...(value === undefined ? { delete: true } : { value }) }
      const answer = await asked.client.request<{ content: unknown }>('POST', `${routeOf(id)}/map`, { body })
      await asked.print(answer, ({ content }) => `${JSON.stringify(content, null, 2)}\n`)
    })
  examples(map, 'selvedge doc map scenes evening lobby 40', 'selvedge doc map scenes evening lobby')
}

async function editText(io: Io, id: string, name: string, options: TextOptions, command: Command): Promise<void> {
  const { insert, at, replace } = options
  if (insert !== undefined && replace !== undefined) command.error('error: either --insert or --replace')
  if (at !== undefined && insert === undefined) command.error('error: --at goes with --insert')
  const asked = await ask(io, options)
  const body = { ...asked.where, name }
  let answer: Promise<{ text: string }>
  if (insert !== undefined)
    answer = asked.client.request('POST', `${routeOf(id)}/text/insert`, {
      body: { ...body, text: insert, ...(at === undefined ? {} : { at }) }
    })
  else if (replace !== undefined)
    answer = asked.client.request('POST', `${routeOf(id)}/text/replace`, { body: { ...body, text: replace } })
  else answer = asked.client.request('GET', `${routeOf(id)}/text`, { query: body })
  await asked.print(await answer, ({ text }) => `${printableLines(text)}\n`)
}

function printableLines(text: string): string {
  return text
    .split('\n')
    .map(line => shownValue(line))
    .join('\n')
}

function routeOf(id: string): `/${string}` {
  return `/documents/${encodeURIComponent(id)}`
}
