/**
 * The wire of one building's trunk: a TCP forwarder between the building and the relay that can be cut for real. A cut drops what is
 * open and refuses what comes, as a dug-up cable does after the first second.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'

export class TrunkWire {
  private readonly sockets = new Set<Socket>()
  private server: Server | undefined
  private open = true
  /** Bytes that went either way. */
  bytes = 0

  private constructor(
    readonly port: number,
    private readonly targetPort: number
  ) {}

  static async lay(targetPort: number): Promise<TrunkWire> {
    const server = createServer()
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('a TCP server has an address')
    const wire = new TrunkWire(address.port, targetPort)
    wire.server = server.on('connection', socket => wire.forward(socket))
    return wire
  }

  get isCut(): boolean {
    return !this.open
  }

  cut(): void {
    this.open = false
    for (const socket of this.sockets) socket.destroy()
  }

  restore(): void {
    this.open = true
  }

  private forward(inside: Socket): void {
    if (!this.open) return void inside.destroy()
    const outside = connect(this.targetPort, '127.0.0.1')
    for (const [from, to] of [
      [inside, outside],
      [outside, inside]
    ] as const) {
      this.sockets.add(from)
      from.setNoDelay(true)
      from.on('data', chunk => (this.bytes += chunk.length))
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.sockets.delete(from)
        to.destroy()
      })
      from.pipe(to)
    }
  }

  close(): void {
    this.cut()
    this.server?.close()
  }
}
