/** Worker processes of the command: each does one thing at a time, and none outlives the command. */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Answers, News, Order } from './protocol.js'

/** No single seed or plan takes longer than this, in real milliseconds: a worker that does hangs. */
const orderMaxMs = 20 * 60_000

/** A worker did not answer: it crashed, hung, or could not load the scenario. */
export class WorkerFailure extends Error {}

export class Worker {
  private child: ChildProcess | undefined
  private closed = false
  private stderr = ''

  /** Tells a worker to do something. @throws WorkerFailure */
  async ask<T extends Order['type']>(
    order: Extract<Order, { type: T }>,
    onNews: (news: News) => void = () => undefined
  ): Promise<Answers[T]> {
    const child = (this.child ??= this.start())
    this.stderr = ''
    return new Promise((resolve, reject) => {
      const settle = (settled: () => void): void => {
        clearTimeout(timer)
        child.off('message', heard).off('exit', ended)
        settled()
      }
      const failed = (problem: string): void => settle(() => reject(new WorkerFailure(problem)))
      const heard = (news: News): void => {
        if (news.type === 'answer') settle(() => resolve(news.answer as Answers[T]))
        else if (news.type === 'error') failed(news.message)
        else onNews(news)
      }
      const ended = (code: number | null, signal: string | null): void => {
        this.child = undefined
        failed(this.closed ? 'stopped' : `a worker ended (${signal ?? code})\n${this.stderr}`)
      }
      const timer = setTimeout(() => {
        child.kill('SIGKILL')
        failed(`no end after ${orderMaxMs / 60_000} minutes`)
      }, orderMaxMs)
      child.on('message', heard).on('exit', ended)
      child.send(order)
    })
  }

  close(): void {
    this.closed = true
    this.child?.kill('SIGKILL')
  }

  private start(): ChildProcess {
    const child = fork(fileURLToPath(new URL('worker.js', import.meta.url)), [], {
      // Before everything else: a guard against whatever is not simulated.
      execArgv: ['--enable-source-maps', '--import', import.meta.resolve('@selvedge/simulator/guard')],
      // What services print is no output of the command.
      stdio: ['ignore', 2, 'pipe', 'ipc'],
      serialization: 'advanced'
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr = (this.stderr + text).slice(-4_000)))
    return child
  }
}
