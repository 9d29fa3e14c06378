/** Memory of this process, measured when it has settled. Questions run with `--expose-gc`. */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** The heap and what lies outside of it (buffers), in bytes, after collecting until nothing more goes. */
export async function settledBytes(): Promise<{ readonly heap: number; readonly external: number; readonly rss: number }> {
  if (!globalThis.gc) throw new Error('run with --expose-gc')
  let last = Number.POSITIVE_INFINITY
  for (let i = 0; i < 20; i++) {
    globalThis.gc()
    await nextTurn()
    const { heapUsed, external, arrayBuffers } = process.memoryUsage()
    const used = heapUsed + external + arrayBuffers
    if (used > last - 4096) break
    last = used
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heap: heapUsed, external, rss }
}
