/** What anyone would write first: an HTTP server, `ws`, a set of sockets, a small object a socket. It forwards to the room's others. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { answering } from '../child.js'
import { settledBytes } from '../memory.js'

interface Member {
  readonly socket: WebSocket
  readonly room: string
  readonly sinceMs: number
  messages: number
}

const members = new Set<Member>()
const rooms = new Map<string, Set<Member>>()

answering({
  open: async () => {
    const server = createServer((_, response) => response.writeHead(404).end())
    const sockets = new WebSocketServer({ server, perMessageDeflate: false })
    sockets.on('connection', (socket, request) => {
      const member: Member = { socket, room: request.url ?? '/', sinceMs: Date.now(), messages: 0 }
      const room = rooms.get(member.room) ?? new Set<Member>()
      rooms.set(member.room, room)
      members.add(member)
      room.add(member)
      socket.on('message', (data, isBinary) => {
        member.messages++
        for (const other of room) if (other !== member) other.socket.send(data, { binary: isBinary })
      })
      socket.on('error', () => socket.terminate())
      socket.on('close', () => {
        members.delete(member)
        room.delete(member)
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}` }
  },
  sessions: () => ({ sessions: members.size, caughtUp: members.size, unstored: 0 }),
  memory: () => settledBytes(),
  cpu: () => process.cpuUsage()
})
