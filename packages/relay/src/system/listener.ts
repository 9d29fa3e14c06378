/**
 * The relay's door: an HTTP or HTTPS server that answers a few pages and takes trunks. Requests are bounded in time and size, bodies
 * are not read, and whatever else is asked for is refused.
 */
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { SelvedgeError } from '@selvedge/core'
import { acceptTrunks } from '@selvedge/network'
import { relayErrors } from '../errors.js'
import type { HttpAnswer, ListenOptions, RelayListener, TlsChoice } from '../relay-options.js'

const trunkPath = '/trunk'
const headersTimeoutMs = 10_000
const requestTimeoutMs = 15_000
/** Sockets at one time, trunks among them; those beyond are closed as they come, and a site dials again later. */
const connectionsMax = 16_384

const notFound: HttpAnswer = { status: 404, contentType: 'text/plain; charset=utf-8', body: 'not found\n' }
const notAllowed: HttpAnswer = { status: 405, contentType: 'text/plain; charset=utf-8', body: 'only GET and HEAD\n' }
const failed: HttpAnswer = { status: 500, contentType: 'text/plain; charset=utf-8', body: 'the relay failed to answer\n' }

/** @throws SelvedgeError `RELAY_LISTEN_FAILED`, `RELAY_TLS_INVALID` */
export async function listen(options: ListenOptions): Promise<RelayListener> {
  const server = makeServer(options.tls, (request, response) => void answer(options, request, response))
  server.headersTimeout = headersTimeoutMs
  server.requestTimeout = requestTimeoutMs
  server.maxConnections = connectionsMax
  await listening(server, options)
  const { trunks } = options
  const acceptor = trunks && acceptTrunks({ ...options, ...trunks, server, path: trunkPath })
  // Once there is any listener for upgrades, Node leaves every upgrade to listeners.
  server.on('upgrade', (request, socket) => {
    if (!acceptor || pathOf(request) !== trunkPath) refuseUpgrade(socket)
  })
  let closing: Promise<void> | undefined
  return {
    host: options.host,
    port: (server.address() as AddressInfo).port,
    secure: options.tls !== undefined,
    close() {
      acceptor?.close()
      closing ??= new Promise(resolve => {
        server.close(() => resolve())
        server.closeIdleConnections()
      })
      return closing
    }
  }
}

function makeServer(tls: TlsChoice | undefined, listener: RequestListener): Server {
  if (!tls) return createHttpServer(listener)
  try {
    return createHttpsServer({ cert: tls.cert, key: tls.key, handshakeTimeout: headersTimeoutMs }, listener)
  } catch (cause) {
    // The PEM stays out of message and details.
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new SelvedgeError(relayErrors.tlsInvalid, `the certificate or its key can not be used: ${problem}`, { cause })
  }
}

function listening(server: Server, { host, port, log }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(host, port, cause)))
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      server.on('error', (error: unknown) => log.error({ err: error }, 'the HTTP server failed'))
      resolve()
    })
  })
}

function listenError(host: string, port: number, cause: NodeJS.ErrnoException): SelvedgeError {
  const advice =
    cause.code === 'EADDRINUSE'
      ? 'another process listens there: stop it, or choose another port'
      : cause.code === 'EACCES'
        ? 'this user may not: choose a port of 1024 or above, or allow it'
        : cause.code === 'EADDRNOTAVAIL' || cause.code === 'ENOTFOUND'
          ? 'this machine has no such address: choose one of its own, or 0.0.0.0 for all of them'
          : cause.message
  return new SelvedgeError(relayErrors.listenFailed, `the relay can not listen on ${host}:${port}: ${advice}`, {
    cause,
    details: { host, port, code: cause.code }
  })
}

async function answer(options: ListenOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  request.resume()
  const head = request.method === 'HEAD'
  const { status, contentType, body } = head || request.method === 'GET' ? await page(options, pathOf(request)) : notAllowed
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {})
  })
  response.end(head ? undefined : body)
}

async function page({ answer, log }: ListenOptions, path: string): Promise<HttpAnswer> {
  try {
    return (await answer?.(path)) ?? notFound
  } catch (error) {
    log.error({ err: error, path: path.slice(0, 100) }, 'a page failed')
    return failed
  }
}

function refuseUpgrade(socket: Duplex): void {
  socket.on('error', () => {})
  socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?', 1)[0] ?? ''
}
