/** Runs the built command as a person does: `bin/selvedge.js` in a process of its own. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'

const bin = join(import.meta.dirname, '../../bin/selvedge.js')

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export class Spawned {
  readonly process: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
  private readonly lines: AsyncIterator<string>
  private out = ''
  private err = ''

  constructor(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}) {
    if (!existsSync(join(import.meta.dirname, '../../dist/main.js'))) throw new Error('the command is not built: npm run build')
    const { SELVEDGE_DATA: _, ...rest } = process.env
    this.process = spawn(process.execPath, [bin, ...args], { cwd, env: { ...rest, ...env } })
    const reader: Interface = createInterface(this.process.stdout)
    this.lines = reader[Symbol.asyncIterator]()
    this.process.stdout.setEncoding('utf8').on('data', (chunk: string) => (this.out += chunk))
    this.process.stderr.setEncoding('utf8').on('data', (chunk: string) => (this.err += chunk))
    this.ended = once(this.process, 'close').then(([code]) => ({ code: code as number | null, out: this.out, err: this.err }))
  }

  /** The next line of standard output. */
  async line(): Promise<string> {
    const next = await this.lines.next()
    if (next.done) throw new Error(`the process ended: ${JSON.stringify(await this.ended)}`)
    return next.value
  }

  async json<T = Record<string, unknown>>(): Promise<T> {
    return JSON.parse(await this.line()) as T
  }

  stop(signal: NodeJS.Signals): Promise<Ended> {
    this.process.kill(signal)
    return this.ended
  }
}
