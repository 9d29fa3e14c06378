/** automerge-repo as its documentation sets it up: a server and a client, its WebSocket adapters, its default share policy. */
import * as Automerge from '@automerge/automerge'
import { Repo, type DocHandle, type PeerId } from '@automerge/automerge-repo'
import { WebSocketClientAdapter, WebSocketServerAdapter } from '@automerge/automerge-repo-network-websocket'
import { WebSocketServer } from 'ws'
import { CountingServer } from './byte-counter.js'
import { editSettings, unitSettings, type UnitSettings } from './contents.js'
import { editedIn, type Pair, type Reconnect } from './pair.js'

// The adapter's types speak of the same class through another module.
type AdapterServer = ConstructorParameters<typeof WebSocketServerAdapter>[0]
type Handles = readonly DocHandle<UnitSettings>[]

/** Both sides have every document loaded, and no storage: nothing waits for a disk. */
export async function openAutomergeRepoPair(documents: number): Promise<Pair> {
  const server = new CountingServer()
  const port = await server.listen()
  const sockets = new WebSocketServer({ server: server.http })
  const adapter = new WebSocketClientAdapter(`ws://127.0.0.1:${port}`)
  const left = new Repo({ peerId: 'left' as PeerId, network: [adapter] })
  const right = new Repo({
    peerId: 'right' as PeerId,
    network: [new WebSocketServerAdapter(sockets as unknown as AdapterServer)]
  })
  await Promise.all([left.networkSubsystem.whenReady(), right.networkSubsystem.whenReady()])

  const lefts: DocHandle<UnitSettings>[] = []
  const rights: DocHandle<UnitSettings>[] = []
  for (let i = 0; i < documents; i++) {
    const made = (i % 2 ? right : left).create<UnitSettings>(unitSettings(i))
    const found = await (i % 2 ? left : right).find<UnitSettings>(made.url)
    lefts.push(i % 2 ? found : made)
    rights.push(i % 2 ? made : found)
  }
  await server.quiet()

  let round = 0
  return {
    reconnect: async edited => {
      round++
      adapter.disconnect()
      await server.quiet()
      const indexes = editedIn(round, edited, documents)
      const sizes = indexes.map((index, i) => {
        const handle = (i % 2 ? rights : lefts)[index]!
        handle.change(draft => editSettings(draft, round))
        return Automerge.getLastLocalChange(handle.doc())!.length
      })
      await server.quiet()
      const before = server.bytes
      const shown = Promise.all(indexes.map((index, i) => shows((i % 2 ? lefts : rights)[index]!, round)))
      const start = performance.now()
      adapter.connect('left' as PeerId, {})
      await shown
      const ms = performance.now() - start
      await server.quiet()
      const overheadBytes = server.bytes - before - sizes.reduce((sum, bytes) => sum + bytes, 0)
      requireEqual(lefts, rights)
      return { ms, overheadBytes } satisfies Reconnect
    },
    close: async () => {
      await Promise.all([left.shutdown(), right.shutdown()])
      sockets.close()
      await server.close()
    }
  }
}

function shows(handle: DocHandle<UnitSettings>, edit: number): Promise<void> {
  return new Promise(resolve => {
    const look = (): void => {
      if (handle.doc().edit !== edit) return
      handle.off('change', look)
      resolve()
    }
    handle.on('change', look)
    look()
  })
}

function requireEqual(lefts: Handles, rights: Handles): void {
  for (const [i, left] of lefts.entries())
    if (left.heads().join() !== rights[i]!.heads().join()) throw new Error('a document of automerge-repo differs')
}
