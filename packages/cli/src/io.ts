/** Where a command writes and what it knows of its surroundings: the process's, or a test's. */
import { once } from 'node:events'

export interface Io {
  /** Standard output; waits while its reader is behind. */
  write(text: string): Promise<void>
  /** Standard error. */
  warn(text: string): void
  /** A line on a terminal that the next one takes the place of; '' ends it. Elsewhere, as in the log of a CI job, one now and then stays. */
  readonly progress?: ((line: string) => void) | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether colours would be seen by somebody, and are wanted. */
  readonly colours: boolean
  readonly nowMs: () => number
  /** A command that ran until it was told to stop has closed everything: the process may end at once. */
  ranToTheEnd: boolean
  /** Calls `stop` on the first SIGINT or SIGTERM, `force` on the second, `again` on SIGHUP; returns what ends that. */
  onSignals(signals: Signals): () => void
}

export interface Signals {
  readonly stop: () => void
  readonly force: () => void
  readonly again?: () => void
}

const nowAndThenMs = 30_000

/** Passes a line on when none was for so long; the first after as long. */
export function nowAndThen(write: (line: string) => void, nowMs: () => number): (line: string) => void {
  let lastMs = nowMs()
  return line => {
    if (line === '' || nowMs() - lastMs < nowAndThenMs) return
    lastMs = nowMs()
    write(line)
  }
}

export function processIo(): Io {
  const { stdout, stderr, env } = process
  // Whoever reads may have read enough: `selvedge watch | head`.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  return {
    write: async text => {
      if (!stdout.write(text)) await once(stdout, 'drain')
    },
    warn: text => void stderr.write(text),
    progress: stderr.isTTY
      ? line => void stderr.write(`\r\u001b[2K${line.slice(0, (stderr.columns ?? 80) - 1)}`)
      : nowAndThen(
          line => void stderr.write(`${line}\n`),
          () => performance.now()
        ),
    env,
    colours: stdout.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    nowMs: () => Date.now(),
    ranToTheEnd: false,
    onSignals({ stop, force, again }) {
      let told = false
      const ended = (): void => {
        if (told) return force()
        told = true
        stop()
      }
      const reload = (): void => again?.()
      process.on('SIGINT', ended).on('SIGTERM', ended)
      if (again) process.on('SIGHUP', reload)
      return () => {
        process.off('SIGINT', ended).off('SIGTERM', ended).off('SIGHUP', reload)
      }
    }
  }
}
