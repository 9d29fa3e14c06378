/** Routes of config documents: the newest content and the released one, changes, history, restoring and releasing. */
import { SelvedgeError } from '@selvedge/core'
import { documentErrors, type AutomergeDocument, type ListedDocument } from '@selvedge/documents'
import type { ConfigAnswer, ConfigChangeAnswer, ConfigConflictsAnswer, ConfigHistoryAnswer, DocumentAnswer } from './answers.js'
import { assignAt, type ConfigPath } from './config-edit.js'
import { chosenSpaces, inSpace, type ControlledSpace, type ControlledSpaces, type SpaceChosen } from './controlled-space.js'
import { controlErrors } from './errors.js'
import { flag, list, optional, readFields, refuseField, text, value, type FieldReader } from './fields.js'
import type { Routes } from './router.js'
import { whenStored } from './stored.js'

const configSpace = 'config'

const configPath: FieldReader<ConfigPath> = (raw, name) => {
  if (typeof raw === 'string') return raw.split('/').filter(key => key !== '')
  if (Array.isArray(raw) && raw.length <= 64 && raw.every(key => typeof key === 'string' || Number.isSafeInteger(key)))
    return raw as ConfigPath
  throw refuseField(name, 'must be keys, as \'lobby/setpoint\' or ["lobby", "setpoint"]')
}

const headsField = list(text)
const headDigitsMin = 4

export function configRoutes(spaces: ControlledSpaces): Routes {
  const space = async ({ site, space: name = configSpace }: SpaceChosen): Promise<ControlledSpace> => spaces.space(name, site)

  /** Runs `use` on a config, which is closed again afterwards; one that is not there is made only for a change. */
  const withConfig = async <T>(
    where: SpaceChosen,
    id: string,
    use: (config: AutomergeDocument, space: ControlledSpace) => T | Promise<T>,
    make = false
  ): Promise<T> => {
    const chosen = await space(where)
    if (!make) requireListed(chosen, id)
    const config = await chosen.api.config(id)
    try {
      return await use(config, chosen)
    } finally {
      config.close()
    }
  }

  return {
    'GET /config': async ({ query }): Promise<DocumentAnswer[]> => {
      const where = readFields(query, inSpace)
      const chosen = await chosenSpaces(spaces, where)
      return chosen.flatMap(({ api }) => api.replica.documents.list()).filter(({ engine }) => engine === 'automerge')
    },
    'GET /config/:id': ({ params, query }) => withConfig(readFields(query, inSpace), params['id']!, answer),
    'POST /config/:id/change': request => {
      const { params, body } = request
      const spec = {
        ...inSpace,
        path: configPath,
        value: optional(value),
        delete: optional(flag),
        message: optional(text),
        release: optional(flag)
      }
      const { path, value: set, delete: remove = false, message, release = false, ...where } = readFields(body, spec)
      if ((set === undefined) !== remove) throw refuseField('value', 'is needed, or delete: true')
      const edit = async (config: AutomergeDocument, space: ControlledSpace): Promise<ConfigChangeAnswer> => {
        const changing = config.change(message, draft => assignAt(draft, path, set), { release })
        const change = await whenStored(changing, space, request)
        return { ...(change ? { change } : {}), heads: config.heads(), released: release }
      }
      return withConfig(where, params['id']!, edit, !remove)
    },
    'GET /config/:id/history': ({ params, query }) => withConfig(readFields(query, inSpace), params['id']!, history),
    'GET /config/:id/at': ({ params, query }) => {
      const { heads, ...where } = readFields(query, { ...inSpace, heads: headsField })
      return withConfig(where, params['id']!, config => ({ content: config.at(fullHeads(config, heads)) }))
    },
    'GET /config/:id/conflicts': ({ params, query }) => withConfig(readFields(query, inSpace), params['id']!, conflicts),
    'POST /config/:id/restore': request => {
      const { params, body } = request
      const spec = { ...inSpace, heads: headsField, message: optional(text), release: optional(flag) }
      const { heads, message, release = false, ...where } = readFields(body, spec)
      return withConfig(where, params['id']!, async (config, space): Promise<ConfigChangeAnswer> => {
        const restoring = config.restore(fullHeads(config, heads), message, { release })
        const change = await whenStored(restoring, space, request)
        return { ...(change ? { change } : {}), heads: config.heads(), released: release }
      })
    },
    'POST /config/:id/release': request => {
      const { params, body } = request
      const { heads, message, ...where } = readFields(body, { ...inSpace, heads: optional(headsField), message: optional(text) })
      return withConfig(where, params['id']!, async (config, space) => {
        await whenStored(config.release(heads && fullHeads(config, heads), message), space, request)
        return answer(config)
      })
    }
  }
}

function conflicts(config: AutomergeDocument, space: ControlledSpace): ConfigConflictsAnswer {
  return {
    conflicts: config
      .conflicts()
      .map(({ path, values }) => ({ path, values: values.map(value => ({ ...value, ...authorName(value.author, space) })) }))
  }
}

function authorName(author: string | undefined, space: ControlledSpace): { authorName?: string } {
  return author === undefined ? {} : { authorName: space.nameOf(author as Parameters<typeof space.nameOf>[0]) }
}

/** @throws SelvedgeError `CONTROL_DOCUMENT_UNKNOWN`: to look at a document must not make one */
export function requireListed({ api }: ControlledSpace, id: string): ListedDocument {
  const found = api.replica.documents.list().find(listed => listed.id === id)
  if (!found)
    throw new SelvedgeError(controlErrors.documentUnknown, `there is no document ${id} in ${api.id}`, {
      details: { id, space: api.id }
    })
  return found
}

function answer(config: AutomergeDocument): ConfigAnswer {
  const { value: released, release, pending } = config.released()
  return {
    id: config.id,
    status: config.status(),
    current: config.current(),
    ...(released === undefined ? {} : { released }),
    ...(release ? { release } : {}),
    ...(pending ? { pending } : {}),
    heads: config.heads()
  }
}

function history(config: AutomergeDocument, space: ControlledSpace): ConfigHistoryAnswer {
  const released = config.released().release?.heads ?? []
  const changes = config.history().map(change => ({
    ...change,
    ...authorName(change.author, space),
    released: released.includes(change.hash)
  }))
  return { changes: changes.reverse(), heads: config.heads() }
}

// People type the first digits of a hash.
function fullHeads(config: AutomergeDocument, heads: readonly string[]): string[] {
  if (heads.length === 0) throw refuseField('heads', 'is empty')
  const hashes = config.history().map(({ hash }) => hash)
  return heads.map(head => {
    const [found, ...others] = head.length >= headDigitsMin ? hashes.filter(hash => hash.startsWith(head)) : []
    if (found === undefined)
      throw new SelvedgeError(documentErrors.configHeadsUnknown, `the config ${config.id} has no change ${head} (yet)`, {
        details: { id: config.id, heads }
      })
    if (others.length > 0)
      throw refuseField('heads', `has ${head}, with which ${others.length + 1} changes start: give more of it`)
    return found
  })
}
