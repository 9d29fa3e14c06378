/**
 * The parent's handle on one process of the building: starts it, asks it, kills it. Whatever the process told before it died is
 * handed on before `kill` resolves.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Acknowledged, FromProcess, ProcessConfig, RequestName, Requests, ToProcess } from './process/protocol.js'

// The module as it is built: a process is Node's own, also under a test runner that reads TypeScript.
const module_ = fileURLToPath(new URL('../dist/process/main.js', import.meta.url))
// Long: a machine may be busy with other things, and a process that does not open at all is told of all the same.
const startWithinMs = 180_000
const closeWithinMs = 30_000

export interface ProcessEvents {
  acknowledged(name: string, writes: readonly Acknowledged[]): void
}

interface Caller {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

/** A process went away before it answered: whether it did what it was asked is not known. */
export class ProcessGone extends Error {}

export class ReplicaProcess {
  private child: ChildProcess | undefined
  private readonly callers = new Map<number, Caller>()
  private nextId = 1
  private ending = false
  /** Set when it ended though nobody had asked it to. */
  unexpected: string | undefined
  private opened = false
  private killAtExit = (): void => void this.child?.kill('SIGKILL')

  constructor(
    readonly config: ProcessConfig,
    private readonly logFile: string,
    private readonly events: ProcessEvents
  ) {}

  get name(): string {
    return this.config.name
  }

  /** Whether it is open. */
  get up(): boolean {
    return this.opened
  }

  get pid(): number | undefined {
    return this.child?.pid
  }

  /** Starts the process; resolves when it is open. */
  start(): Promise<void> {
    return this.spawn().opened
  }

  /** Starts the process, for who does not wait until it is open. */
  spawn(): { readonly opened: Promise<void> } {
    const log = openSync(this.logFile, 'a')
    const child = fork(module_, {
      execArgv: ['--expose-gc'],
      env: { ...process.env, SELVEDGE_ENDURANCE: JSON.stringify(this.config) },
      serialization: 'advanced',
      stdio: ['ignore', log, log, 'ipc']
    })
    closeSync(log)
    this.child = child
    this.ending = false
    process.once('exit', this.killAtExit)
    const opened = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${this.name} did not open within ${startWithinMs} ms`)), startWithinMs)
      child.on('message', (message: FromProcess) => {
        if (message.type === 'ready') {
          this.opened = true
          resolve()
        } else this.take(message)
      })
      // Both: the channel may hold messages when the process is gone already.
      void Promise.all([once(child, 'exit'), once(child, 'disconnect')]).then(([[code, signal]]) => {
        clearTimeout(timer)
        this.gone(child, `${this.name} ended (${String(signal ?? code)}); see ${this.logFile}`)
        reject(new ProcessGone(`${this.name} ended before it was open; see ${this.logFile}`))
      })
      child.once('message', () => clearTimeout(timer))
    })
    opened.catch(() => undefined) // a kill while it opens is no failure of whoever does not wait
    return { opened }
  }

  /** @throws ProcessGone; an Error with the process's own words when it failed to do it */
  ask<Name extends RequestName>(
    name: Name,
    ...[argument]: Requests[Name]['argument'] extends undefined ? [] : [Requests[Name]['argument']]
  ): Promise<Requests[Name]['answer']> {
    const { child } = this
    if (!child?.connected) return Promise.reject(new ProcessGone(`${this.name} is not running`))
    return new Promise((resolve, reject) => {
      const id = this.nextId++
      this.callers.set(id, { resolve, reject })
      child.send({ id, name, argument } satisfies ToProcess, error => {
        if (!error) return
        this.callers.delete(id)
        reject(new ProcessGone(`${this.name} can't be asked: ${error.message}`))
      })
    })
  }

  /** `kill -9`; resolves when it is gone and all that it had told is handed on. */
  async kill(): Promise<void> {
    const { child } = this
    if (!child) return
    this.ending = true
    this.opened = false
    const gone = Promise.all([once(child, 'exit'), once(child, 'disconnect')])
    child.kill('SIGKILL')
    await gone
  }

  /** Lets it close what it has open, and end. */
  async stop(): Promise<void> {
    const { child } = this
    if (!child) return
    this.ending = true
    const gone = Promise.all([once(child, 'exit'), once(child, 'disconnect')])
    const late = setTimeout(() => child.kill('SIGKILL'), closeWithinMs)
    await this.ask('stop').catch(() => undefined)
    if (child.connected) child.disconnect()
    await gone
    clearTimeout(late)
  }

  private gone(child: ChildProcess, why: string): void {
    process.off('exit', this.killAtExit)
    this.opened = false
    if (this.child === child) this.child = undefined
    if (!this.ending) this.unexpected = why
    for (const { reject } of this.callers.values()) reject(new ProcessGone(why))
    this.callers.clear()
  }

  private take(message: Exclude<FromProcess, { type: 'ready' }>): void {
    if (message.type === 'acknowledged') return this.events.acknowledged(this.name, message.writes)
    const caller = this.callers.get(message.id)
    this.callers.delete(message.id)
    if (message.error === undefined) caller?.resolve(message.value as never)
    else caller?.reject(new Error(`${this.name}: ${message.error}`))
  }
}
