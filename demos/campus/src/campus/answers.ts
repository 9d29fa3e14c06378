/** Requests that nodes and the relay answer alike, on the same API: points, documents and config of one site. */
import type { SpaceApi } from '@selvedge/replica'
import type { ConfigView, HealView, Request } from './protocol.js'

/** What a request works on: a site as its own node or as the cloud sees it. */
export interface Scope {
  space(name: string): SpaceApi
  nameOf(node: string): string
  spaceNames: readonly string[]
}

const stateSpace = 'state'
const configSpace = 'config'

/** Answers what is common; undefined: not one of those. */
export function answerCommon(scope: Scope, request: Request): Promise<unknown> | undefined {
  switch (request.op) {
    case 'set':
      return set(scope, request)
    case 'get': {
      const { points } = scope.space(request.space ?? stateSpace)
      return Promise.resolve(request.paths.map(path => points.get(path)?.value ?? null))
    }
    case 'docInsert':
      return insert(scope, request.id, request.text)
    case 'docText':
      return text(scope, request.id)
    case 'configSet':
      return setConfig(scope, request)
    case 'config':
      return config(scope, request.id)
    case 'heals':
      return Promise.resolve(heals(scope))
    default:
      return undefined
  }
}

async function set(scope: Scope, request: Request & { op: 'set' }): Promise<void> {
  const { points } = scope.space(request.space ?? stateSpace)
  const receipts = request.writes.map(({ path, value }) => points.set(path, value))
  const level = request.durable
  if (level) await Promise.all(receipts.map(receipt => receipt.durable(level, { signal: AbortSignal.timeout(15_000) })))
}

async function insert(scope: Scope, id: string, text: string): Promise<void> {
  const document = scope.space(stateSpace).document(id)
  await document.loaded
  const content = document.doc.getText('text')
  content.insert(content.length, text)
  await document.flushed()
}

async function text(scope: Scope, id: string): Promise<string> {
  const document = scope.space(stateSpace).document(id)
  await document.loaded
  return document.doc.getText('text').toJSON()
}

async function setConfig(scope: Scope, request: Request & { op: 'configSet' }): Promise<void> {
  const document = await scope.space(configSpace).config(request.id)
  try {
    await document.change(request.message, draft => void ((draft as Record<string, unknown>)[request.key] = request.value))
  } finally {
    document.close()
  }
}

async function config(scope: Scope, id: string): Promise<ConfigView> {
  const document = await scope.space(configSpace).config(id)
  try {
    return {
      current: document.current(),
      heads: document.heads(),
      conflicts: document.conflicts().length,
      changes: document.history().length
    }
  } finally {
    document.close()
  }
}

function heals(scope: Scope): HealView[] {
  return scope.spaceNames.flatMap(space =>
    scope
      .space(space)
      .healReports()
      .map(({ by, peer, losers, ...report }) => ({
        ...report,
        space,
        by: scope.nameOf(by),
        peer: scope.nameOf(peer),
        losers: losers.map(({ path, loser, winner }) => ({
          path,
          lost: loser.value ?? null,
          lostBy: scope.nameOf(loser.writer.split('~')[0] ?? ''),
          kept: winner.value ?? null,
          keptBy: scope.nameOf(winner.writer.split('~')[0] ?? '')
        }))
      }))
  )
}
