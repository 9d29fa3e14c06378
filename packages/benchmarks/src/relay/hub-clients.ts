/** Clients of the bare hub, as many as asked for, in one process. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { answering } from '../child.js'
import { loadPath, siteName } from './test-sites.js'

const dialsAtOnce = 16
const sockets: WebSocket[] = []

/** What a plain hub would carry: the path, the value, the time. */
function encodeUpdate(path: string, value: number): Buffer {
  const update = Buffer.allocUnsafe(16 + path.length)
  update.writeDoubleLE(value, 0)
  update.writeDoubleLE(Date.now(), 8)
  update.write(path, 16, 'latin1')
  return update
}

function decodeUpdate(update: Buffer): { path: string; value: number; time: number } {
  return { value: update.readDoubleLE(0), time: update.readDoubleLE(8), path: update.toString('latin1', 16) }
}

answering({
  /** Connects clients until there are `upTo`, so many to a room. */
  connect: async ({ url, upTo, roomSize }: { url: string; upTo: number; roomSize: number }) => {
    const dial = async (): Promise<void> => {
      while (sockets.length < upTo) {
        const socket = new WebSocket(`${url}/${siteName(Math.floor(sockets.length / roomSize))}`, { perMessageDeflate: false })
        sockets.push(socket)
        await once(socket, 'open')
      }
    }
    await Promise.all(Array.from({ length: dialsAtOnce }, dial))
  },
  /** In each room of two the first writes and the second listens, with at most `window` updates under way. */
  load: async ({ durationMs, window }: { durationMs: number; window: number }) => {
    let delivered = 0
    let writing = true
    for (let pair = 0; pair < sockets.length; pair += 2) {
      const [writer, reader] = [sockets[pair]!, sockets[pair + 1]!]
      let written = 0
      let seen = 0
      const write = (): void => {
        if (!writing) return
        while (written - seen < window) writer.send(encodeUpdate(loadPath(written % (2 * window)), written++))
      }
      reader.on('message', (data: Buffer) => {
        const update = decodeUpdate(data)
        if (update.path.length === 0) throw new Error('an update without a path')
        seen++
        delivered++
        if (written - seen <= window / 2) write()
      })
      write()
    }
    const start = performance.now()
    await sleep(durationMs)
    const perSecond = delivered / ((performance.now() - start) / 1e3)
    writing = false
    for (const socket of sockets) socket.removeAllListeners('message')
    return { perSecond, delivered }
  }
})
