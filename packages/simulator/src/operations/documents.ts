/** Operations on shared documents (Yjs) and config (Automerge). Every edit puts in a text that occurs nowhere else: the operation's id. */
import { documentId as documentIdOf, isSelvedgeError } from '@selvedge/core'
import type { DurabilityLevel } from '@selvedge/replica'
import type { Site } from '@selvedge/site'
import fc from 'fast-check'
import type { OperationKind, Place } from './operation.js'

export interface DocumentChoice {
  /** How many documents there are. Default 3. */
  readonly documents?: number
  readonly weight?: number
}

type Space = ReturnType<Site['space']>

function documentId({ documents = 3 }: DocumentChoice, prefix: string): fc.Arbitrary<string> {
  return fc.integer({ min: 1, max: documents }).map(n => `${prefix}-${n}`)
}

const textName = 'notes'
const level = fc.constantFrom<DurabilityLevel[]>('local', 'site', 'relay')

/** Puts a text into a shared document, or takes the oldest one out. */
export function editDocument(
  choice: DocumentChoice = {}
): OperationKind<{ document: string; take: boolean; level: DurabilityLevel }> {
  return {
    ...(choice.weight === undefined ? {} : { weight: choice.weight }),
    kind: 'document-edit',
    arbitrary: fc.record({ document: documentId(choice, 'plan'), take: fc.boolean(), level }),
    run(place, { document, take, level }) {
      const { site, operation } = place
      const space = site.space('state')
      const shared = space.document(document)
      const text = shared.doc.getText(textName)
      const first = /^\[[^\]]*\]/.exec(text.toJSON())?.[0]
      if (take && first !== undefined) {
        text.delete(0, first.length)
        noteEdit(place, space, document, 'yjs', level, { removes: [first] })
      } else {
        const adds = `[${operation.id}]`
        text.insert(text.length, adds)
        noteEdit(place, space, document, 'yjs', level, { adds })
      }
    },
    describe: ({ document, take }) => (take ? `takes a text out of ${document}` : `writes into ${document}`)
  }
}

/** Changes a setting, and sometimes releases it. */
export function editConfig(choice: DocumentChoice = {}): OperationKind<{ document: string; setting: string; release: boolean }> {
  return {
    ...(choice.weight === undefined ? {} : { weight: choice.weight }),
    kind: 'config-edit',
    arbitrary: fc.record({
      document: documentId(choice, 'config'),
      setting: fc.constantFrom('a', 'b', 'c'),
      release: fc.boolean()
    }),
    run: (place, args) => unlessRefused(place, changeConfig(place, args)),
    describe: ({ document, setting, release }) => `changes ${setting} of ${document}${release ? ' and releases it' : ''}`
  }
}

async function changeConfig(
  place: Place,
  { document, setting, release }: { readonly document: string; readonly setting: string; readonly release: boolean }
): Promise<void> {
  const { site, operation } = place
  const config = await site.config(document)
  const adds = `[${operation.id}]`
  // Under a key of its own too: the setting's earlier value is lost to the later one, this is not.
  const changed = config.change(`operation ${operation.id}`, draft => Object.assign(draft, { [setting]: adds, [adds]: true }), {
    release
  })
  // It is visible at once, unless it was refused: then nothing was changed, and nothing is promised.
  if (adds in config.current()) noteEdit(place, site.space('config'), document, 'automerge', 'site', { adds })
  await changed
}

/** Over a disk that fails or is full, a config may say that it can't be read or changed now: an answer, which a service waits out. */
async function unlessRefused({ run, name }: Place, asked: Promise<void>): Promise<void> {
  try {
    await asked
  } catch (error) {
    if (!isSelvedgeError(error) || !refusals.has(error.code)) throw error
    run.tell(name, `is refused: ${error.code}`)
  }
}

const refusals = new Set<string>(['STORE_IO', 'STORE_FULL', 'STORE_DEGRADED'])

function noteEdit(
  { run, name }: Place,
  space: Space,
  document: string,
  engine: 'yjs' | 'automerge',
  level: DurabilityLevel,
  what: { readonly adds: string } | { readonly removes: readonly string[] }
): void {
  const edit = { atMs: run.nowMs, host: name, space: space.id, document, engine, ...what }
  run.history.add('edited', edit)
  const counted = space.replica.documents.flushed(documentIdOf(document))
  Promise.all([counted, space.documentDurable(document, level)]).then(
    ([dot]) => run.history.add('editAcknowledged', { atMs: run.nowMs, host: name, edit, level, dot }),
    () => undefined
  )
}
