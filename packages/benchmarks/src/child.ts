/**
 * Processes of a benchmark: a module of ours run as `node --expose-gc FILE`, answering questions over IPC. A module of that kind
 * calls `answering({...})` once; the parent calls `child.ask('name', argument)`. Children end with their parent.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

interface Request {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

interface Answer {
  readonly id: number
  readonly value?: unknown
  readonly error?: string
}

export interface Child {
  readonly process: ChildProcess
  /** Calls a function that the child gave to `answering`; rejects with its error, or when the child ends. */
  ask<T>(name: string, argument?: unknown): Promise<T>
  /** Ends the process and waits until it is gone. */
  end(): Promise<void>
}

export interface ChildOptions {
  readonly execArgv?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** With no flags of our own, as users run Node: `--expose-gc` and source maps cost memory. Default false. */
  readonly plain?: boolean
}

/** Starts a module beside the caller: `startChild(new URL('./receiver.js', import.meta.url))`. */
export function startChild(module: URL, options: ChildOptions = {}): Child {
  const child = fork(fileURLToPath(module), {
    execArgv: [...(options.plain ? [] : ['--expose-gc', '--enable-source-maps']), ...(options.execArgv ?? [])],
    env: { ...process.env, ...options.env },
    serialization: 'advanced',
    stdio: ['ignore', 'inherit', 'inherit', 'ipc']
  })
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  const killed = (): void => void child.kill('SIGKILL')
  process.once('exit', killed)
  child.on('message', (answer: Answer) => {
    const caller = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (answer.error === undefined) caller?.resolve(answer.value)
    else caller?.reject(new Error(answer.error))
  })
  child.once('exit', (code, signal) => {
    process.off('exit', killed)
    for (const { reject } of waiting.values()) reject(new Error(`${module.pathname} ended (${signal ?? code})`))
    waiting.clear()
  })
  let last = 0
  return {
    process: child,
    ask: <T>(name: string, argument?: unknown) =>
      new Promise<T>((resolve, reject) => {
        const id = ++last
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
        child.send({ id, name, argument } satisfies Request, error => {
          if (!error) return
          waiting.delete(id)
          reject(error)
        })
      }),
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
  }
}

/** In a child: the functions that the parent may call by name. */
export function answering(functions: Readonly<Record<string, (argument: never) => unknown>>): void {
  process.on('message', (request: Request) => {
    void (async (): Promise<Answer> => {
      try {
        const called = functions[request.name]
        if (!called) throw new Error(`no function ${request.name}`)
        return { id: request.id, value: await called(request.argument as never) }
      } catch (error) {
        return { id: request.id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
      }
    })().then(answer => process.send!(answer))
  })
  process.once('disconnect', () => process.exit())
}
