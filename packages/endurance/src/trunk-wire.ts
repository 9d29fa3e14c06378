/**
 * The wire of the building's trunk: a TCP forwarder between nodes and relay, with the ways in which a line fails. `reset` drops what
 * is open with RST and refuses what comes; `close` ends it politely; `stall` says nothing and forwards nothing, so that both ends
 * must find out for themselves, and what was under way arrives if it is restored before they do.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'

export type Fault = 'reset' | 'close' | 'stall'

interface Pair {
  readonly inside: Socket
  readonly outside: Socket
}

export class TrunkWire {
  private readonly pairs = new Set<Pair>()
  private fault: Fault | undefined
  /** Bytes that went either way. */
  bytes = 0

  private constructor(
    private readonly server: Server,
    readonly port: number,
    private readonly targetPort: number
  ) {
    server.on('connection', socket => this.forward(socket))
  }

  static async lay(targetPort: number): Promise<TrunkWire> {
    const server = createServer({ pauseOnConnect: true })
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('a TCP server has an address')
    return new TrunkWire(server, address.port, targetPort)
  }

  get isCut(): boolean {
    return this.fault !== undefined
  }

  cut(fault: Fault): void {
    this.fault = fault
    for (const pair of this.pairs) this.fail(pair, fault)
  }

  restore(): void {
    const stalled = this.fault === 'stall'
    this.fault = undefined
    if (!stalled) return
    for (const { inside, outside } of this.pairs) {
      inside.resume()
      outside.resume()
    }
  }

  close(): void {
    this.cut('reset')
    this.server.close()
  }

  private fail({ inside, outside }: Pair, fault: Fault): void {
    for (const socket of [inside, outside]) {
      if (fault === 'reset') socket.resetAndDestroy()
      else if (fault === 'close') socket.end()
      else socket.pause()
    }
  }

  private forward(inside: Socket): void {
    if (this.fault === 'reset' || this.fault === 'close') return void inside.resetAndDestroy()
    const pair = { inside, outside: connect(this.targetPort, '127.0.0.1') }
    this.pairs.add(pair)
    this.lead(pair, pair.inside, pair.outside)
    this.lead(pair, pair.outside, pair.inside)
    // Not `resume` in a stall: it is taken, as by a line that is dead further on, and nothing comes of it.
    if (this.fault === undefined) inside.resume()
  }

  private lead(pair: Pair, from: Socket, to: Socket): void {
    from.setNoDelay(true)
    from.on('data', chunk => {
      this.bytes += chunk.length
      // A slow reader holds its writer up, as TCP does.
      if (!to.write(chunk)) from.pause()
    })
    to.on('drain', () => this.fault !== 'stall' && from.resume())
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.pairs.delete(pair)
      to.destroy()
    })
  }
}
