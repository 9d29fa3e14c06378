/**
 * Asks a running node or relay over its control socket. One connection a request, none kept: a command asks once and ends.
 *
 * @example
 * const client = controlClient('./data')
 * await client.request('PUT', '/points', { body: { path: 'ahu/1/setpoint', value: 21 } })
 * for await (const change of client.stream('/watch', { query: { pattern: 'ahu/**' } })) console.log(change)
 */
import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { SelvedgeError } from '@selvedge/core'
import { controlErrors } from '../control/errors.js'
import { toControlJson } from '../control/json.js'
import type { ControlMethod } from '../control/router.js'
import { codeOf, findSocket } from './control-socket.js'

/** What is `undefined` is left out. */
export type ControlQuery = Readonly<Record<string, string | number | boolean | undefined>>

export interface ControlRequestOptions {
  readonly query?: ControlQuery
  readonly body?: unknown
  readonly signal?: AbortSignal
}

export interface ControlClient {
  /** The data directory. */
  readonly directory: string
  /**
   * What the node answers.
   * @throws SelvedgeError the node's own code; `CONTROL_NOT_RUNNING`, `CONTROL_DENIED`, `CONTROL_LOST`, `CONTROL_ANSWER_INVALID`
   */
  request<T = unknown>(method: ControlMethod, path: string, options?: ControlRequestOptions): Promise<T>
  /**
   * What the node streams, until it ends or the reader stops. A reader that is slow makes the node wait, and coalesce.
   * @throws SelvedgeError as {@link request}, also in the middle
   */
  stream<T = unknown>(path: string, options?: ControlRequestOptions): AsyncIterableIterator<T>
}

/** Bytes of an answer that is no stream. */
const answerBytesMax = 64 * 1024 * 1024

/** A client of the node that runs on a data directory. Nothing is opened before the first request. */
export function controlClient(directory: string): ControlClient {
  return {
    directory,
    request: async <T>(method: ControlMethod, path: string, options: ControlRequestOptions = {}) => {
      const response = await open(directory, method, path, options)
      return (await readAnswer(directory, response)) as T
    },
    stream: <T>(path: string, options: ControlRequestOptions = {}) => readLines<T>(directory, path, options)
  }
}

function open(directory: string, method: ControlMethod, path: string, options: ControlRequestOptions): Promise<IncomingMessage> {
  const { query = {}, body, signal } = options
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  const text = body === undefined ? undefined : toControlJson(body)
  return new Promise((resolve, reject) => {
    const request: ClientRequest = httpRequest({
      socketPath: findSocket(directory),
      agent: false,
      method,
      path: search.size > 0 ? `${path}?${search.toString()}` : path,
      headers: text === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      ...(signal ? { signal } : {})
    })
    request.once('response', resolve)
    request.once('error', error => reject(signal?.aborted ? (signal.reason as Error) : connectionError(directory, error)))
    request.end(text)
  })
}

async function readAnswer(directory: string, response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > answerBytesMax) throw answerInvalid(directory, `it is longer than ${answerBytesMax} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    throw error instanceof SelvedgeError ? error : lost(directory, error)
  }
  const answer = parse(directory, Buffer.concat(chunks).toString('utf8'))
  if (response.statusCode !== 200) throw failureFrom(directory, answer)
  return answer
}

async function* readLines<T>(
  directory: string,
  path: string,
  options: ControlRequestOptions
): AsyncGenerator<T, void, undefined> {
  const response = await open(directory, 'GET', path, options)
  if (response.statusCode !== 200) return void (await readAnswer(directory, response))
  let rest = ''
  try {
    response.setEncoding('utf8')
    for await (const chunk of response as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop()!
      if (rest.length > answerBytesMax) throw answerInvalid(directory, `it has a line longer than ${answerBytesMax} bytes`)
      for (const line of lines) {
        const item = parse(directory, line)
        if (isFailure(item)) throw failureFrom(directory, item.error)
        yield item as T
      }
    }
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason
    throw error instanceof SelvedgeError ? error : lost(directory, error)
  } finally {
    response.destroy()
  }
}

function isFailure(item: unknown): item is { error: unknown } {
  return typeof item === 'object' && item !== null && 'error' in item && Object.keys(item).length === 1
}

function parse(directory: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw answerInvalid(directory, 'it is not JSON', cause)
  }
}

function failureFrom(directory: string, answer: unknown): SelvedgeError {
  const { code, message, details } = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>
  if (typeof code !== 'string' || typeof message !== 'string')
    return answerInvalid(directory, 'it tells of an error without its code')
  return new SelvedgeError(code, message, { details: typeof details === 'object' && details !== null ? { ...details } : {} })
}

function connectionError(directory: string, cause: Error): SelvedgeError {
  const code = codeOf(cause)
  // Node 24 says EINVAL of a path too long for a socket, where earlier ones find nothing: a server would have left a shorter one.
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK' || code === 'EINVAL' || code === 'ENAMETOOLONG')
    return new SelvedgeError(controlErrors.notRunning, `nothing runs on ${directory}`, { cause, details: { directory } })
  if (code === 'EACCES' || code === 'EPERM')
    return new SelvedgeError(controlErrors.denied, `the control socket of ${directory} belongs to another user`, {
      cause,
      details: { directory }
    })
  return lost(directory, cause)
}

function lost(directory: string, cause: unknown): SelvedgeError {
  return new SelvedgeError(controlErrors.lost, `what ran on ${directory} went away in the middle of its answer`, {
    cause,
    details: { directory }
  })
}

function answerInvalid(directory: string, problem: string, cause?: unknown): SelvedgeError {
  return new SelvedgeError(
    controlErrors.answerInvalid,
    `what runs on ${directory} gave an answer that can't be read: ${problem}`,
    {
      ...(cause === undefined ? {} : { cause }),
      details: { directory }
    }
  )
}
