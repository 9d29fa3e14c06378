/** How a process is: memory, descriptors, and how long its event loop makes others wait. */
import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Vitals } from './protocol.js'

const resolutionMs = 10

export class VitalSigns {
  private readonly delay = monitorEventLoopDelay({ resolution: resolutionMs })
  private cpu = process.cpuUsage()
  private atMs = performance.now()

  constructor() {
    this.delay.enable()
  }

  /** With `collect` garbage is collected first, and what is left is told apart. */
  sample(collect: boolean): Omit<Vitals, 'backlog' | 'writes' | 'storedBytes'> {
    // What collecting costs is not the runtime's.
    const delayMs = this.delay.percentile(99) / 1e6 - resolutionMs
    const now = performance.now()
    const cpu = process.cpuUsage(this.cpu)
    const cpuShare = (cpu.user + cpu.system) / 1_000 / Math.max(1, now - this.atMs)
    const before = process.memoryUsage()
    if (collect) globalThis.gc?.()
    const floorBytes = collect ? held(process.memoryUsage()) : undefined
    this.delay.reset()
    this.cpu = process.cpuUsage()
    this.atMs = performance.now()
    return {
      heapBytes: held(before),
      floorBytes,
      rssBytes: before.rss,
      descriptors: descriptors(),
      loopDelayP99Ms: Math.max(0, delayMs),
      cpuShare
    }
  }
}

// Buffers lie outside of V8's heap, and grow as well as it does.
function held(usage: NodeJS.MemoryUsage): number {
  return usage.heapUsed + usage.external
}

function descriptors(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length
  } catch {
    return undefined
  }
}
