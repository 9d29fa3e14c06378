/** For suites that know no simulated time: a kernel whose time passes by itself, a millisecond a turn of the event loop. */
import type { Kernel } from '../../kernel.js'

export interface RunningKernel {
  readonly kernel: Kernel
  stop(): void
}

export function runningKernel(kernel: Kernel): RunningKernel {
  const stop = new AbortController()
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) await kernel.runUntil(kernel.nowMs + 1)
  }
  void run()
  return { kernel, stop: () => stop.abort() }
}
