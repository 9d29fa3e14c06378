/** Routes of shared documents: which there are, what is in them, and edits of their texts and maps. */
import { SelvedgeError, type Value } from '@selvedge/core'
import type { YjsDocument } from '@selvedge/documents'
import type { DocumentAnswer, ShownDocumentAnswer } from './answers.js'
import { requireListed } from './config-routes.js'
import { inSpace, type ControlledSpace, type ControlledSpaces, type SpaceChosen } from './controlled-space.js'
import { controlErrors } from './errors.js'
import { count, flag, optional, readFields, refuseField, text, value } from './fields.js'
import type { ControlRequest, Routes } from './router.js'
import { contentOf, kindOf } from './shared-types.js'
import { whenStored } from './stored.js'
import { replacement } from './text-edit.js'

const stateSpace = 'state'

export function documentRoutes(spaces: ControlledSpaces): Routes {
  const withDocument = async <T>(
    { site, space = stateSpace }: SpaceChosen,
    id: string,
    use: (document: YjsDocument, space: ControlledSpace) => T | Promise<T>,
    make = false
  ): Promise<T> => {
    const chosen = await spaces.space(space, site)
    if (!make) requireListed(chosen, id)
    const document = chosen.api.document(id)
    try {
      await document.loaded
      return await use(document, chosen)
    } finally {
      document.close()
    }
  }
  const withText = (
    request: ControlRequest,
    where: SpaceChosen,
    id: string,
    name: string,
    edit: (shared: SharedText, doc: Doc) => void
  ): Promise<unknown> =>
    withDocument(
      where,
      id,
      async (document, space) => {
        const shared = textOf(document, name)
        document.doc.transact(() => edit(shared, document.doc))
        await whenStored(document.flushed(), space, request)
        return { name, text: shared.toJSON() }
      },
      true
    )

  return {
    'GET /documents': async ({ query }): Promise<DocumentAnswer[]> => {
      const { site, space = stateSpace } = readFields(query, inSpace)
      return (await spaces.space(space, site)).api.replica.documents.list()
    },
    'GET /documents/:id': ({ params, query }) =>
      withDocument(readFields(query, inSpace), params['id']!, (document): ShownDocumentAnswer => ({
        id: document.id,
        engine: document.engine,
        status: document.status(),
        content: contentOf(document.doc)
      })),
    'GET /documents/:id/text': ({ params, query }) => {
      const { name, ...where } = readFields(query, { ...inSpace, name: text })
      return withDocument(where, params['id']!, document => ({ name, text: textOf(document, name).toJSON() }))
    },
    'POST /documents/:id/text/insert': request => {
      const { params, body } = request
      const { name, text: inserted, at, ...where } = readFields(body, { ...inSpace, name: text, text, at: optional(count) })
      return withText(request, where, params['id']!, name, shared => {
        if (at !== undefined && at > shared.length) throw refuseField('at', `is beyond the end of the text (${shared.length})`)
        shared.insert(at ?? shared.length, inserted)
      })
    },
    'POST /documents/:id/text/replace': request => {
      const { params, body } = request
      const { name, text: wanted, ...where } = readFields(body, { ...inSpace, name: text, text })
      return withText(request, where, params['id']!, name, shared => {
        const { at, remove, insert } = replacement(shared.toJSON(), wanted)
        if (remove > 0) shared.delete(at, remove)
        if (insert !== '') shared.insert(at, insert)
      })
    },
    'POST /documents/:id/map': request => {
      const { params, body } = request
      const spec = { ...inSpace, name: text, key: text, value: optional(value), delete: optional(flag) }
      const { name, key, value: set, delete: remove = false, ...where } = readFields(body, spec)
      if ((set === undefined) !== remove) throw refuseField('value', 'is needed, or delete: true')
      const edit = async (document: YjsDocument, space: ControlledSpace): Promise<unknown> => {
        requireKind(document.doc, name, 'map')
        const map = document.doc.getMap<Value>(name)
        if (set === undefined) map.delete(key)
        else map.set(key, set)
        await whenStored(document.flushed(), space, request)
        return { name, content: map.toJSON() }
      }
      return withDocument(where, params['id']!, edit, true)
    }
  }
}

type Doc = YjsDocument['doc']
type SharedText = ReturnType<Doc['getText']>

function textOf({ doc }: YjsDocument, name: string): SharedText {
  requireKind(doc, name, 'text')
  return doc.getText(name)
}

// Yjs would take a map for a text from then on, in this whole process.
function requireKind(doc: Doc, name: string, wanted: 'text' | 'map'): void {
  const kind = kindOf(doc.share.get(name))
  if (kind !== undefined && kind !== wanted)
    throw new SelvedgeError(
      controlErrors.typeMismatch,
      `${name} is ${kind === 'array' ? 'an array' : `a ${kind}`}, not a ${wanted}`,
      {
        details: { name, kind }
      }
    )
}
