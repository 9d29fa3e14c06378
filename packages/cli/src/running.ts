/** Runs something until the process is told to stop: once for a clean close, twice to end at once. */
import type { Io } from './io.js'

export interface Running {
  close(): Promise<void>
}

/** Resolves when it is closed. `again` is called on SIGHUP. */
export async function runUntilStopped(io: Io, running: Running, json: boolean, again?: () => void): Promise<void> {
  const stopped = new Promise<void>(resolve => {
    io.onSignals({
      stop: resolve,
      // Whatever the close waits for: a disk that hangs, a peer that does not take its leave.
      force: () => {
        io.warn('selvedge: stopped at once; what was not stored is given back by peers\n')
        process.exit(1)
      },
      ...(again ? { again } : {})
    })
  })
  await stopped
  if (!json) await io.write('stopping; again to stop at once\n')
  await running.close()
  await io.write(json ? `${JSON.stringify({ event: 'stopped' })}\n` : 'stopped\n')
  io.ranToTheEnd = true
}
