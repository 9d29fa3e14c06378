/**
 * The node's end of a trunk: one outgoing WebSocket, through an HTTP proxy if the building has one, and the handshake over it.
 * Whatever goes wrong ends the socket and rejects with a stable code; the time all of it may take is bounded.
 */
import type { Agent } from 'node:http'
import { WebSocket, type ClientOptions } from 'ws'
import { isSelvedgeError, SelvedgeError, type Connection, type Environment } from '@selvedge/core'
import { encodeCloseReason, parseCloseReason } from '../close-reason.js'
import { connectionLimits } from '../connection-limits.js'
import { networkErrors } from '../errors.js'
import type { Roster } from '../roster.js'
import { handshakeBytesMax, NodeHandshake } from '../trunk-handshake.js'
import { verify, type NodeKey } from './node-key.js'
import { closeStatus, closeTextBytesMax, SocketConnection } from './socket-connection.js'

export interface TrunkDialOptions extends Environment {
  /** `wss://relay.example/trunk`; `ws://` for tests and protected networks only. Never with a user, a password or a secret in it. */
  readonly url: string
  readonly key: NodeKey
  /** Names the site and the relay whose key must be proved. */
  readonly roster: Roster
  /** `http://[user:password@]host:port`: an HTTP proxy that knows CONNECT. */
  readonly proxy?: string
  /** PEM of the authority that signed the relay's certificate, in place of the public ones. */
  readonly ca?: string | Buffer
  /** Gives up with `TRUNK_ABORTED`. */
  readonly signal?: AbortSignal
  /** For connecting and the handshake together; default 10 s. */
  readonly timeoutMs?: number
}

const refusals: ReadonlySet<string> = new Set(Object.values(networkErrors).filter(code => code.startsWith('TRUNK_REFUSED_')))

/**
 * @throws SelvedgeError `TRUNK_URL_INVALID`, `TRUNK_NO_RELAY`, `TRUNK_UNREACHABLE`, `TRUNK_TIMEOUT`, `TRUNK_ABORTED`,
 * `TRUNK_PROTOCOL`, `TRUNK_REFUSED_…` (with `details.retryAfterMs` when the relay asks for a wait)
 */
export async function dialTrunk(options: TrunkDialOptions): Promise<Connection> {
  const { roster, key, random } = options
  const url = parseUrl(options.url, ['ws:', 'wss:'], false)
  const relay = roster.relay
  if (!relay) throw new SelvedgeError(networkErrors.trunkNoRelay, `the roster of site ${roster.site} names no relay`)
  const giveUp = new AbortController()
  const agent = options.proxy === undefined ? undefined : await proxyAgent(options.proxy, giveUp.signal)
  const socket = connect(url, options, agent)
  const handshake = new NodeHandshake(key, roster.site, relay.node, verify, length => random.bytes(length))
  const remote = { node: relay.node, role: 'relay', name: relay.name, address: url.host } as const
  try {
    return await new Promise<Connection>((resolve, reject) => {
      const stop = (error: SelvedgeError) => {
        settled()
        reject(error)
      }
      const settled = () => {
        timer.cancel()
        options.signal?.removeEventListener('abort', aborted)
        socket.removeAllListeners()
      }
      const aborted = () => stop(new SelvedgeError(networkErrors.trunkAborted, 'the dial was given up'))
      const timer = options.clock.setTimer(options.timeoutMs ?? 10_000, () =>
        stop(new SelvedgeError(networkErrors.trunkTimeout, `${url.host} did not complete the handshake in time`))
      )
      options.signal?.addEventListener('abort', aborted)
      let next: (bytes: Uint8Array) => void = bytes => {
        socket.send(handshake.challenged(bytes))
        next = last => {
          handshake.welcomed(last)
          settled()
          resolve(new SocketConnection({ socket, remote, outgoing: true, clock: options.clock }))
        }
      }
      socket.on('open', () => socket.send(handshake.hello()))
      socket.on('message', data => {
        try {
          next(handshakeBytes(data))
        } catch (error) {
          stop(isSelvedgeError(error) ? error : unreachable(url.host, error))
        }
      })
      socket.on('error', error => stop(unreachable(url.host, error)))
      socket.on('close', (status, text) => stop(refusal(url.host, status, text.toString())))
      if (options.signal?.aborted) aborted()
    })
  } catch (error) {
    hangUp(socket, options, error)
    giveUp.abort()
    throw error
  }
}

/** @throws SelvedgeError `TRUNK_URL_INVALID`, which a dial would give each time it is tried */
export function checkTrunkUrls({ url, proxy }: Pick<TrunkDialOptions, 'url' | 'proxy'>): void {
  parseUrl(url, ['ws:', 'wss:'], false)
  if (proxy !== undefined) parseUrl(proxy, ['http:', 'https:'], true)
}

async function proxyAgent(url: string, signal: AbortSignal): Promise<Agent> {
  const proxy = parseUrl(url, ['http:', 'https:'], true)
  // Loaded for buildings that have a proxy, and no others.
  const { HttpsProxyAgent } = await import('https-proxy-agent')
  // The signal ends the socket to a proxy that never answers CONNECT: until then nobody else holds it.
  return new HttpsProxyAgent(proxy, { signal })
}

function connect(url: URL, options: TrunkDialOptions, agent: Agent | undefined): WebSocket {
  const clientOptions: ClientOptions = {
    // The session compresses its frames itself.
    perMessageDeflate: false,
    maxPayload: connectionLimits.frameBytesMax,
    followRedirects: false,
    ...(options.ca === undefined ? {} : { ca: options.ca }),
    ...(agent ? { agent } : {})
  }
  return new WebSocket(url, clientOptions)
}

// Tells the relay why, when it is there to be told; then cuts.
function hangUp(socket: WebSocket, options: TrunkDialOptions, error: unknown): void {
  // ws reports the end of a socket that was still connecting as an error.
  socket.on('error', () => {})
  if (socket.readyState !== WebSocket.OPEN || !isSelvedgeError(error)) return socket.terminate()
  socket.close(closeStatus.refused, encodeCloseReason({ code: error.code, message: error.message }, closeTextBytesMax))
  const timer = options.clock.setTimer(connectionLimits.closeTimeoutMs, () => socket.terminate())
  socket.once('close', () => timer.cancel())
}

/** A handshake message within its bound. */
export function handshakeBytes(data: unknown): Uint8Array {
  if (!Buffer.isBuffer(data) || data.length > handshakeBytesMax)
    throw new SelvedgeError(networkErrors.trunkProtocol, 'a handshake message is too long')
  return new Uint8Array(data)
}

function refusal(host: string, status: number, text: string): SelvedgeError {
  const reason = status === closeStatus.refused ? parseCloseReason(text) : undefined
  if (!reason) return unreachable(host, new Error(`the socket closed with status ${status}`))
  const code =
    refusals.has(reason.code) || reason.code === networkErrors.trunkProtocol || reason.code === networkErrors.trunkTimeout
      ? reason.code
      : undefined
  const details = { host, ...(reason.retryAfterMs === undefined ? {} : { retryAfterMs: reason.retryAfterMs }) }
  return new SelvedgeError(code ?? networkErrors.trunkUnreachable, `${host} refuses the trunk: ${reason.message}`, { details })
}

function unreachable(host: string, cause: unknown): SelvedgeError {
  const problem = cause instanceof Error ? cause.message : String(cause)
  return new SelvedgeError(networkErrors.trunkUnreachable, `${host} can't be reached: ${problem}`, { cause, details: { host } })
}

function parseUrl(text: string, protocols: readonly string[], credentials: boolean): URL {
  // The text itself stays out of the message: a proxy's holds a password.
  const invalid = (problem: string) => new SelvedgeError(networkErrors.trunkUrlInvalid, problem, { details: { protocols } })
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw invalid(`a URL with ${protocols.join(' or ')} is needed`)
  }
  if (!protocols.includes(url.protocol)) throw invalid(`${url.protocol}//${url.host} must start with ${protocols.join(' or ')}`)
  if (!credentials && (url.username !== '' || url.password !== '' || url.hash !== ''))
    throw invalid("the trunk's URL holds a user, a password or a fragment")
  return url
}
