/** A child process of the campus: requests with answers, reports, a real `kill -9`, and a restart on the same data. */
import { fork, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FromChild, NodeConfig, NodeReport, RelayConfig, RelayReport, Request, ToChild } from './protocol.js'

const script = fileURLToPath(new URL('./process.js', import.meta.url))
const answerWithinMs = 20_000

export type ChildState = 'down' | 'starting' | 'up' | 'killed'

export class Child {
  private process: ChildProcess | undefined
  private readonly asked = new Map<number, { resolve(value: unknown): void; reject(error: Error): void; timer: NodeJS.Timeout }>()
  private nextId = 1
  /** What looks at each report, and what ends the waiting. */
  private readonly waiters = new Map<() => void, () => void>()
  private exitExpected = false
  state: ChildState = 'down'
  report: NodeReport | RelayReport | undefined
  port: number | undefined
  reportedAtMs = 0

  constructor(
    readonly name: string,
    /** Where the process's structured log goes. */
    private readonly logFile: string,
    readonly config: NodeConfig | RelayConfig,
    private readonly onEvent: (text: string) => void
  ) {}

  async start(): Promise<void> {
    this.state = 'starting'
    this.exitExpected = false
    const log = openSync(this.logFile, 'a')
    const child = fork(script, [], {
      stdio: ['ignore', log, log, 'ipc'],
      env: { ...process.env, SELVEDGE_CAMPUS: JSON.stringify(this.config) }
    })
    closeSync(log)
    this.process = child
    child.on('message', message => this.receive(message as FromChild))
    child.on('exit', (code, signal) => this.exited(child, code, signal))
    await this.until(() => this.state !== 'starting', 30_000, 'it to start')
    if (this.current() !== 'up') throw new Error(`${this.name} did not start: see ${this.logFile}`)
  }

  private current(): ChildState {
    return this.state
  }

  get nodeReport(): NodeReport | undefined {
    return this.config.kind === 'node' ? (this.report as NodeReport | undefined) : undefined
  }

  get relayReport(): RelayReport | undefined {
    return this.config.kind === 'relay' ? (this.report as RelayReport | undefined) : undefined
  }

  ask<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.state !== 'up') return reject(new Error(`${this.name} is ${this.state}`))
      const id = this.nextId++
      const timer = setTimeout(
        () => this.settle(id, undefined, new Error(`${this.name} did not answer ${request.op} in time`)),
        answerWithinMs
      )
      this.asked.set(id, { resolve: value => resolve(value as T), reject, timer })
      this.process?.send({ id, request } satisfies ToChild)
    })
  }

  /** Resolves when `condition` holds, looking again at each report. */
  until(condition: () => boolean, withinMs: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        clearTimeout(timer)
        this.waiters.delete(look)
        reject(new Error(`${this.name}: waited ${withinMs} ms in vain for ${what}`))
      }
      const timer = setTimeout(fail, withinMs)
      const look = (): void => {
        if (!condition()) return
        clearTimeout(timer)
        this.waiters.delete(look)
        resolve()
      }
      this.waiters.set(look, fail)
      look()
    })
  }

  /** The operating system ends it in the middle of whatever it does. */
  async kill9(): Promise<void> {
    this.exitExpected = true
    this.process?.kill('SIGKILL')
    await this.until(() => this.state === 'killed', 10_000, 'its end')
  }

  async stop(): Promise<void> {
    this.exitExpected = true
    if (this.state === 'up') {
      await this.ask({ op: 'stop' }).catch(() => undefined)
      await this.until(() => this.state === 'killed', 10_000, 'its end').catch(() => undefined)
    }
    this.process?.kill('SIGKILL')
    // Whoever still waits for it would keep this process from ending.
    for (const fail of [...this.waiters.values()]) fail()
  }

  private receive(message: FromChild): void {
    if (message.type === 'ready') {
      this.state = 'up'
      this.port = message.port
    } else if (message.type === 'report') {
      this.report = message.report
      this.reportedAtMs = performance.now()
    } else if (message.type === 'event') this.onEvent(`${this.name}: ${message.text}`)
    else
      this.settle(
        message.id,
        message.value,
        message.error && new Error(`${this.name}: ${message.error.message} (${message.error.code})`)
      )
    this.look()
  }

  private settle(id: number, value: unknown, error: Error | undefined): void {
    const waiting = this.asked.get(id)
    if (!waiting) return
    this.asked.delete(id)
    clearTimeout(waiting.timer)
    if (error) waiting.reject(error)
    else waiting.resolve(value)
  }

  private exited(child: ChildProcess, code: number | null, signal: string | null): void {
    if (child !== this.process) return
    this.state = 'killed'
    if (!this.exitExpected) this.onEvent(`${this.name} ended by itself (${signal ?? `exit code ${code}`})`)
    for (const id of [...this.asked.keys()]) this.settle(id, undefined, new Error(`${this.name} ended`))
    this.look()
  }

  private look(): void {
    for (const look of [...this.waiters.keys()]) look()
  }
}
