/** A server of this machine that counts what its sockets carry: everything above TCP, handshakes and frame headers too. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export class CountingServer {
  readonly http: Server = createServer()
  private readonly sockets: Socket[] = []

  constructor() {
    this.http.on('connection', socket => this.sockets.push(socket))
  }

  /** Its port, once it listens. */
  async listen(): Promise<number> {
    this.http.listen(0, '127.0.0.1')
    await once(this.http, 'listening')
    return (this.http.address() as AddressInfo).port
  }

  /** Both ways, of all sockets so far. */
  get bytes(): number {
    return this.sockets.reduce((sum, socket) => sum + socket.bytesRead + socket.bytesWritten, 0)
  }

  /** Resolves when nothing was carried for a while. */
  async quiet(): Promise<void> {
    for (let last = -1; last !== this.bytes; await sleep(300)) last = this.bytes
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    this.http.close()
    await once(this.http, 'close')
  }
}
