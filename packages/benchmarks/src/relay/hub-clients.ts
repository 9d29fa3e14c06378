/** Clients of the bare hub, as many as asked for, in one process. */
import { once } from 'node:events'
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
  /** In each room of two the first writes and the second listens, `updates` in all, with at most `window` of a room under way. */
  load: async ({ updates, window }: { updates: number; window: number }) => {
    const rooms = sockets.length / 2
    const each = Math.ceil(updates / rooms)
    const start = performance.now()
    await Promise.all(
      Array.from({ length: rooms }, (_, room) => {
        const [writer, reader] = [sockets[2 * room]!, sockets[2 * room + 1]!]
        return new Promise<void>(resolve => {
          let written = 0
          let seen = 0
          const write = (): void => {
            for (; written < each && written - seen < window; written++)
              writer.send(encodeUpdate(loadPath(written % (2 * window)), written))
          }
          const listen = (data: Buffer): void => {
            if (decodeUpdate(data).path.length === 0) throw new Error('an update without a path')
            if (++seen === each) {
              reader.off('message', listen)
              resolve()
            } else if (written - seen <= window / 2) write()
          }
          reader.on('message', listen)
          write()
        })
      })
    )
    return { perSecond: (each * rooms) / ((performance.now() - start) / 1e3), delivered: each * rooms }
  }
})
