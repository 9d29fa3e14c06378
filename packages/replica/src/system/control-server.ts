/**
 * Serves a control API over the socket of a data directory: HTTP/1.1 and JSON, streams as JSON lines. Only the directory's owner can
 * connect. Everything is bounded: bodies, headers, connections, the time a request may take to arrive, and what a slow reader of a
 * stream makes wait (a stream stops asking for more until its reader has taken what it has).
 *
 * @example
 * const control = await serveControl({ directory: './data', routes: { 'GET /status': () => site.status() }, log })
 * await control.close()
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { isSelvedgeError, SelvedgeError, type Logger } from '@selvedge/core'
import { controlErrors } from '../control/errors.js'
import { failureOf, statusOf } from '../control/failure.js'
import { toControlJson } from '../control/json.js'
import { Router, type Routes } from '../control/router.js'
import { busy, chooseSocket, codeOf, forgetSocket, listenPrivately, protectSocket, removeStaleSocket } from './control-socket.js'

export interface ControlServerOptions {
  /** The data directory: made if it is not there. */
  readonly directory: string
  readonly routes: Routes
  readonly log: Logger
}

export interface ControlServer {
  /** The socket's path, or the pipe's name. */
  readonly address: string
  /** Takes no more requests, ends those under way and every stream, and removes the socket. Idempotent. */
  close(): Promise<void>
}

/** Bytes of a request's body; more is answered with `CONTROL_BODY_TOO_LARGE`. */
const bodyBytesMax = 1024 * 1024
/** Bytes after which the connection of a body that is too large is cut. */
const discardedBytesMax = 16 * bodyBytesMax
/** Connections at one time; a further one is closed at once. */
const connectionsMax = 128
/** For a request to have arrived whole; then the connection is closed. */
const arrivalTimeoutMs = 10_000
/** What is still under way so long after `close` is cut. */
const closeGraceMs = 2_000

/** @throws SelvedgeError `CONTROL_SOCKET_BUSY`, `CONTROL_SOCKET_FAILED` */
export async function serveControl({ directory, routes, log }: ControlServerOptions): Promise<ControlServer> {
  let address = ''
  try {
    address = await chooseSocket(directory)
    const server = new HttpControlServer(address, routes, log, () => forgetSocket(directory, address))
    await server.listen()
    return server
  } catch (cause) {
    if (isSelvedgeError(cause)) throw cause
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new SelvedgeError(controlErrors.socketFailed, `the control socket of ${directory} can't be made: ${problem}`, {
      cause,
      details: { directory, address }
    })
  }
}

class HttpControlServer implements ControlServer {
  private readonly router: Router
  private readonly server: Server
  private readonly underWay = new Set<AbortController>()
  private closing: Promise<void> | undefined

  constructor(
    readonly address: string,
    routes: Routes,
    private readonly log: Logger,
    private readonly closed: () => void
  ) {
    this.router = new Router({ ...routes, 'GET /': () => ({ routes: this.router.names }) })
    this.server = createServer(
      {
        requestTimeout: arrivalTimeoutMs,
        connectionsCheckingInterval: 1_000,
        headersTimeout: arrivalTimeoutMs,
        keepAliveTimeout: 5_000,
        maxHeaderSize: 32 * 1024
      },
      (request, response) => void this.handle(request, response)
    )
    this.server.maxConnections = connectionsMax
    this.server.on('clientError', (error, socket) => refuseMalformed(error, socket))
  }

  async listen(): Promise<void> {
    try {
      await this.tryListen()
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw error
      await removeStaleSocket(this.address)
      await this.tryListen().catch((again: unknown) => {
        throw codeOf(again) === 'EADDRINUSE' ? busy(this.address) : again
      })
    }
    protectSocket(this.address)
    this.server.on('error', error => this.log.error({ err: error }, 'the control socket failed'))
  }

  private tryListen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject)
      listenPrivately(() => {
        this.server.listen(this.address, () => {
          this.server.off('error', reject)
          resolve()
        })
      })
    })
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const aborter = new AbortController()
    this.underWay.add(aborter)
    response.once('close', () => {
      this.underWay.delete(aborter)
      aborter.abort(gone())
      if (this.closing) this.server.closeIdleConnections()
    })
    if (this.closing) aborter.abort(closedError())
    try {
      const answer = await this.answer(request, aborter.signal)
      if (isStream(answer)) await this.stream(response, answer, aborter.signal)
      else send(response, 200, toControlJson(answer))
    } catch (error) {
      this.fail(request, response, error)
    }
  }

  private async answer(request: IncomingMessage, signal: AbortSignal): Promise<unknown> {
    const { pathname, searchParams } = urlOf(request)
    const method = request.method ?? ''
    const { handler, params } = this.router.find(method, pathname)
    const body = await readBody(request)
    signal.throwIfAborted()
    if (method !== 'GET') this.log.info({ method, path: pathname }, 'control request')
    const within = (timeoutMs: number): AbortSignal =>
      AbortSignal.any([signal, AbortSignal.timeout(Math.min(timeoutMs, 0x7fff_ffff))])
    return handler({ params, query: Object.fromEntries(searchParams), body, signal, within })
  }

  private async stream(response: ServerResponse, items: AsyncIterable<unknown>, signal: AbortSignal): Promise<void> {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    response.flushHeaders()
    const iterator = items[Symbol.asyncIterator]()
    const aborted = whenAborted(signal)
    try {
      for (;;) {
        const next = await Promise.race([iterator.next(), aborted])
        if (next === undefined || next.done) break
        if (!response.write(`${toControlJson(next.value)}\n`)) await Promise.race([drained(response), aborted])
      }
      if (signal.aborted) throw signal.reason
    } catch (error) {
      response.write(`${toControlJson({ error: failureOf(error) })}\n`)
    } finally {
      response.end()
      // Not awaited: a generator in the middle of a wait ends when that is over.
      Promise.resolve(iterator.return?.()).catch((error: unknown) => this.log.warn({ err: error }, 'a stream did not end well'))
    }
  }

  private fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    const status = statusOf(error)
    if (status === 500) this.log.error({ err: error, method: request.method, path: request.url }, 'a control request failed')
    if (response.headersSent) return void response.destroy()
    const failure = failureOf(error)
    if (failure.code === controlErrors.methodUnknown)
      response.setHeader('allow', (failure.details['allowed'] as string[]).join(', '))
    // What is left of a body is not read: the connection can't be used again.
    if (!request.complete) response.setHeader('connection', 'close').once('finish', () => request.destroy())
    send(response, status, toControlJson(failure))
  }

  close(): Promise<void> {
    this.closing ??= new Promise(resolve => {
      const cut = setTimeout(() => this.server.closeAllConnections(), closeGraceMs)
      this.server.close(() => {
        clearTimeout(cut)
        this.closed()
        resolve()
      })
      for (const aborter of this.underWay) aborter.abort(closedError())
      this.server.closeIdleConnections()
    })
    return this.closing
  }
}

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer
}

function send(response: ServerResponse, status: number, json: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${json}\n`)
}

function urlOf(request: IncomingMessage): URL {
  try {
    return new URL(`http://control${request.url ?? '/'}`)
  } catch (cause) {
    throw new SelvedgeError(controlErrors.requestInvalid, 'the address of the request is not valid', { cause })
  }
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= bodyBytesMax) chunks.push(chunk)
    // Who sends a little too much is listened to to the end, since only then does he read the answer.
    else if (bytes > discardedBytesMax) break
  }
  if (bytes > bodyBytesMax)
    throw new SelvedgeError(controlErrors.bodyTooLarge, `a request's body is at most ${bodyBytesMax} bytes`, {
      details: { max: bodyBytesMax }
    })
  if (bytes === 0) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch (cause) {
    throw new SelvedgeError(
      controlErrors.requestInvalid,
      `the body is not JSON: ${cause instanceof Error ? cause.message : 'it can not be read'}`,
      { cause }
    )
  }
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(undefined), { once: true }))
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise(resolve => response.once('drain', resolve))
}

function closedError(): SelvedgeError {
  return new SelvedgeError(controlErrors.closed, 'the node is shutting down')
}

function gone(): SelvedgeError {
  return new SelvedgeError(controlErrors.closed, 'the client has gone')
}

function refuseMalformed(error: Error, socket: Duplex): void {
  if (!socket.writable) return void socket.destroy()
  const body = toControlJson({
    code: controlErrors.requestInvalid,
    message: `that is no HTTP request: ${error.message}`,
    details: {}
  })
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`
  )
}
