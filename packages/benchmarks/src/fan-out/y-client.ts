/** A client of y-websocket: the points are a Y.Map. */
import { WebSocket } from 'ws'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { arrived, takePart, writeLoad, type Load } from './part.js'

const doc = new Y.Doc()
const points = doc.getMap<number>('points')

takePart({
  open: async ({ port, receives }: { port: number; receives: boolean }) => {
    const provider = new WebsocketProvider(`ws://127.0.0.1:${port}`, 'bench', doc, {
      // The channel between tabs of one browser has no part in this: everything goes through the server.
      disableBc: true,
      WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket
    })
    if (receives)
      points.observe(event => {
        for (const path of event.keysChanged as Set<string>) arrived(path, points.get(path)!)
      })
    if (!provider.synced) await new Promise<void>(resolve => provider.once('sync', () => resolve()))
  },
  write: (load: Load) => writeLoad(load, (path, value) => void points.set(path, value))
})
