/** One writer and three receivers in processes of their own, whatever carries the updates between them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadNodeKey } from '@selvedge/network'
import { startChild, type Child } from '../child.js'
import { quantile } from '../sample.js'
import type { NodeConfig } from './selvedge-node.js'
import type { Load, Received, Written } from './part.js'

export const receiverCount = 3
const settleTimeoutMs = 20_000

export interface Measured {
  readonly ratePerSecond: number
  readonly updates: number
  /** Arrivals at all receivers: fewer than updates × receivers where overwritten ones coalesce. */
  readonly arrivals: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** User and system time of all processes. */
  readonly cpuMicrosPerUpdate: number
  /** Whether every receiver had every path's last value, and after how long. */
  readonly settledMs: number | undefined
}

export class Contestant {
  private constructor(
    readonly name: string,
    private readonly writer: Child,
    private readonly receivers: readonly Child[],
    /** Processes that only forward. */
    private readonly servers: readonly Child[],
    private readonly cleanUp: () => Promise<void>
  ) {}

  static async selvedge(): Promise<Contestant> {
    const directory = await mkdtemp(join(tmpdir(), 'selvedge-fan-out-'))
    const dirs = Array.from({ length: receiverCount + 1 }, (_, i) => join(directory, `node-${i}`))
    const roster = join(directory, 'roster.json')
    const nodes = dirs.map((dir, i) => ({ name: `bench-${i}`, node: loadNodeKey(join(dir, 'node.key')).key.node }))
    await writeFile(roster, JSON.stringify({ site: 'bench', nodes }))
    const children = dirs.map(() => startChild(new URL('./selvedge-node.js', import.meta.url)))
    const peers: string[] = []
    for (const [i, child] of children.entries()) {
      const config: NodeConfig = { dataDir: dirs[i]!, roster, peers: [...peers], receives: i > 0 }
      peers.push(...(await child.ask<string[]>('open', config)))
    }
    for (const child of children) while ((await child.ask<number>('neighbours')) < receiverCount) await sleep(20)
    return new Contestant('selvedge', children[0]!, children.slice(1), [], () => rm(directory, { recursive: true, force: true }))
  }

  static async bare(): Promise<Contestant> {
    const children = Array.from({ length: receiverCount + 1 }, () => startChild(new URL('./bare-node.js', import.meta.url)))
    const addresses = await Promise.all(children.map(async child => (await child.ask<string[]>('open'))[0]!))
    await children[0]!.ask('connect', addresses.slice(1))
    return new Contestant('bare libp2p streams', children[0]!, children.slice(1), [], async () => {})
  }

  static async yWebsocket(): Promise<Contestant> {
    const server = startChild(new URL('./y-server.js', import.meta.url))
    const port = await server.ask<number>('open')
    const clients = Array.from({ length: receiverCount + 1 }, () => startChild(new URL('./y-client.js', import.meta.url)))
    for (const [i, client] of clients.entries()) await client.ask('open', { port, receives: i > 0 })
    return new Contestant('y-websocket', clients[0]!, clients.slice(1), [server], async () => {})
  }

  private get all(): readonly Child[] {
    return [this.writer, ...this.receivers, ...this.servers]
  }

  async measure(load: Load): Promise<Measured> {
    await Promise.all(this.all.map(child => child.ask('begin')))
    const written = await this.writer.ask<Written>('write', load)
    const settledMs = await this.settle()
    const ended = await Promise.all(this.all.map(child => child.ask<Received>('end')))
    const latencies = ended.flatMap(({ latencies }) => [...latencies])
    return {
      ratePerSecond: written.updates / (written.elapsedMs / 1_000),
      updates: written.updates,
      arrivals: latencies.length,
      p50Ms: quantile(latencies, 0.5),
      p99Ms: quantile(latencies, 0.99),
      cpuMicrosPerUpdate: ended.reduce((sum, { cpuMicros }) => sum + cpuMicros, 0) / written.updates,
      settledMs
    }
  }

  private async settle(): Promise<number | undefined> {
    const start = performance.now()
    const wanted = Buffer.from((await this.writer.ask<Float64Array>('last')).buffer)
    while (performance.now() - start < settleTimeoutMs) {
      const lasts = await Promise.all(this.receivers.map(receiver => receiver.ask<Float64Array>('last')))
      if (lasts.every(last => Buffer.from(last.buffer, last.byteOffset, last.byteLength).equals(wanted)))
        return performance.now() - start
      await sleep(50)
    }
    return undefined
  }

  async end(): Promise<void> {
    await Promise.all(this.all.map(child => child.end()))
    await this.cleanUp()
  }
}
