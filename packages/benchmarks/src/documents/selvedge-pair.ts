/** A node and a relay over a WebSocket trunk on loopback, each with its Level store: what a building's reconnecting is made of. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as Automerge from '@automerge/automerge'
import {
  documentId,
  silentLogger,
  siteId,
  spaceId,
  systemClock,
  systemRandom,
  type Connection,
  type DocumentId
} from '@selvedge/core'
import { acceptTrunks, dialTrunk, generateNodeKey, Roster, type NodeKey } from '@selvedge/network'
import { Replica, type SpaceReplica } from '@selvedge/replica'
import { openLevelStore } from '@selvedge/store'
import * as Y from 'yjs'
import { CountingServer } from './byte-counter.js'
import { editSchedule, editSettings, fillSchedule, unitSettings, type UnitSettings } from './contents.js'
import { editedIn, type Pair, type Reconnect } from './pair.js'

const madeAtOnce = 50
const environment = { clock: systemClock, random: systemRandom, log: silentLogger }

/** A document as a service has it open, of either engine. */
interface OpenDocument {
  /** Edits it; resolves with the size of the update once it is on disk. */
  edit(edit: number): Promise<number>
  /** Resolves when it shows the edit. */
  shows(edit: number): Promise<void>
  readonly state: string
  close(): void
}

interface Side {
  readonly replica: Replica
  readonly space: SpaceReplica
  close(): Promise<void>
}

async function openSide(key: NodeKey, role: 'node' | 'relay', members: readonly [NodeKey, NodeKey]): Promise<Side> {
  const directory = await mkdtemp(join(tmpdir(), 'selvedge-documents-'))
  const store = await openLevelStore({ ...environment, directory })
  const replica = new Replica({ node: key.node, role, environment, store })
  const [node, relay] = members
  const space = await replica.openSpace(spaceId('hq/plans'), {
    residency: 'trunk',
    members: () => [
      { node: node.node, role: 'node' },
      { node: relay.node, role: 'relay' }
    ]
  })
  return {
    replica,
    space,
    close: async () => {
      await replica.close()
      await store.close()
      await rm(directory, { recursive: true })
    }
  }
}

async function openSchedule(side: Side, id: DocumentId): Promise<OpenDocument> {
  const document = side.space.documents.openYjs(id)
  await document.loaded
  const { doc } = document
  return {
    edit: async edit => {
      const before = Y.encodeStateVector(doc)
      editSchedule(doc, edit)
      const bytes = Y.encodeStateAsUpdate(doc, before).length
      await document.flushed()
      return bytes
    },
    shows: edit => {
      const shown = (): boolean => (doc.getMap<{ edit: number }>('entries').get('mon-08:00')?.edit ?? -1) === edit
      return new Promise(resolve => {
        const look = (): void => {
          if (!shown()) return
          doc.off('update', look)
          resolve()
        }
        doc.on('update', look)
        look()
      })
    },
    get state() {
      return Buffer.from(Y.encodeStateVector(doc)).toString('hex') + JSON.stringify(doc.getMap('entries').toJSON())
    },
    close: () => document.close()
  }
}

async function openSettings(side: Side, id: DocumentId): Promise<OpenDocument> {
  const document = await side.space.documents.openAutomerge<UnitSettings>(id)
  return {
    edit: async edit => {
      await document.change(undefined, draft => editSettings(draft, edit))
      return changeBytes(edit, side.replica.node)
    },
    shows: edit =>
      new Promise(resolve => {
        const look = (): void => {
          if (document.current().edit !== edit) return
          off()
          resolve()
        }
        const off = document.watch(look)
        look()
      }),
    get state() {
      return document.heads().sort().join()
    },
    close: () => document.close()
  }
}

/** The size of the change itself, with its author, made on a document that nothing else was done to. */
function changeBytes(edit: number, author: string): number {
  const made = Automerge.from<Record<string, unknown>>({ ...unitSettings(0) })
  const doc = Automerge.clone(made, { author: Buffer.from(author).toString('hex') })
  const changed = Automerge.change(doc, draft => editSettings(draft as unknown as UnitSettings, edit))
  const bytes = Automerge.getLastLocalChange(changed)!.length
  for (const spent of [made, changed]) Automerge.free(spent)
  return bytes
}

export async function openSelvedgePair(engine: 'yjs' | 'automerge', documents: number): Promise<Pair> {
  const keys: readonly [NodeKey, NodeKey] = [generateNodeKey(), generateNodeKey()]
  const roster = new Roster(siteId('hq'), [{ name: 'hq-1', node: keys[0].node }], { name: 'relay', node: keys[1].node })
  const sides = [await openSide(keys[0], 'node', keys), await openSide(keys[1], 'relay', keys)] as const
  const server = new CountingServer()
  const url = `ws://127.0.0.1:${await server.listen()}/trunk`
  const trunks = acceptTrunks({
    ...environment,
    server: server.http,
    key: keys[1],
    rosters: () => roster,
    onConnection: connection => void sides[1].replica.attach(connection, { admits: () => true })
  })
  const connect = async (): Promise<Connection> => {
    const connection = await dialTrunk({ ...environment, url, key: keys[0], roster })
    sides[0].replica.attach(connection, { admits: () => true })
    return connection
  }
  const id = (index: number): DocumentId => documentId(`zone-${index}`)
  const open = (side: Side, index: number): Promise<OpenDocument> =>
    engine === 'yjs' ? openSchedule(side, id(index)) : openSettings(side, id(index))

  const make = async (i: number): Promise<void> => {
    const { documents: set } = sides[i % 2]!.space
    if (engine === 'yjs') {
      const document = set.openYjs(id(i))
      fillSchedule(document.doc)
      await document.flushed()
      document.close()
    } else {
      const document = await set.openAutomerge<UnitSettings>(id(i))
      await document.change(undefined, draft => void Object.assign(draft, unitSettings(i)))
      document.close()
    }
  }
  // Some at a time, so that they share the disk's syncs.
  for (let i = 0; i < documents; i += madeAtOnce)
    await Promise.all(Array.from({ length: Math.min(madeAtOnce, documents - i) }, (_, k) => make(i + k)))
  let connection = await connect()
  const complete = (side: Side): boolean => {
    const list = side.space.documents.list()
    return list.length === documents && list.every(({ status }) => status === 'complete')
  }
  do await server.quiet()
  while (!sides.every(complete))

  let round = 0
  return {
    reconnect: async edited => {
      round++
      connection.close()
      await server.quiet()
      const indexes = editedIn(round, edited, documents)
      const opened = await Promise.all(
        indexes.map(async index => [await open(sides[0], index), await open(sides[1], index)] as const)
      )
      const updates = await Promise.all(opened.map((pair, i) => pair[i % 2]!.edit(round)))
      const before = server.bytes
      const shown = Promise.all(opened.map((pair, i) => pair[1 - (i % 2)]!.shows(round)))
      const start = performance.now()
      connection = await connect()
      await shown
      const ms = performance.now() - start
      await server.quiet()
      const overheadBytes = server.bytes - before - updates.reduce((sum, bytes) => sum + bytes, 0)
      for (const [left, right] of opened) {
        if (left.state !== right.state) throw new Error('a document differs after the reconnect')
        left.close()
        right.close()
      }
      return { ms, overheadBytes } satisfies Reconnect
    },
    close: async () => {
      connection.close()
      trunks.close()
      await server.close()
      for (const side of sides) await side.close()
    }
  }
}
