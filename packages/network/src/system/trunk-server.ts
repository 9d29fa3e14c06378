/**
 * The relay's end of trunks: takes WebSocket upgrades on one path of an HTTP server, runs the handshake, and hands on what has
 * proved its key. Strangers cost little: a handshake is bounded in time, in bytes and in number, and only a proved node takes a
 * place on the admission ramp, so that nobody else can use it up.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { isSelvedgeError, SelvedgeError, type Connection, type Environment, type RemotePeer, type SiteId } from '@selvedge/core'
import { AdmissionRamp, type AdmissionOptions } from '../admission-ramp.js'
import { encodeCloseReason } from '../close-reason.js'
import { connectionLimits } from '../connection-limits.js'
import { closeCodes, networkErrors } from '../errors.js'
import type { Roster } from '../roster.js'
import { RelayHandshake } from '../trunk-handshake.js'
import { verify, type NodeKey } from './node-key.js'
import { closeStatus, closeTextBytesMax, SocketConnection } from './socket-connection.js'
import { handshakeBytes } from './trunk-client.js'

export interface TrunkServerOptions extends Environment {
  /** An `http.Server` or `https.Server`; upgrades on other paths are left to others. */
  readonly server: Server
  /** Default `/trunk`. */
  readonly path?: string
  readonly key: NodeKey
  /** Asked at every handshake, so that rosters may change. */
  rosters(site: SiteId): Roster | undefined
  readonly admission?: AdmissionOptions
  /** For one handshake; default 5 s. */
  readonly handshakeTimeoutMs?: number
  /** Handshakes at one time, above which callers are refused with `TRUNK_REFUSED_BUSY`; default 512. */
  readonly handshakesMax?: number
  /** A node was admitted. Attach handlers now or later: frames wait. */
  onConnection(connection: Connection): void
}

export interface TrunkServer {
  readonly connections: readonly Connection[]
  /** Handshakes under way. */
  readonly handshakes: number
  /** Closes every trunk and takes no more; the HTTP server goes on. Idempotent. */
  close(): void
}

const busyRetryAfterMs = 1_000

export function acceptTrunks(options: TrunkServerOptions): TrunkServer {
  return new Acceptor(options)
}

class Acceptor implements TrunkServer {
  private readonly sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: connectionLimits.frameBytesMax
  })
  private readonly ramp: AdmissionRamp
  private readonly open = new Set<SocketConnection>()
  private readonly shaking = new Set<WebSocket>()
  private closed = false

  constructor(private readonly options: TrunkServerOptions) {
    this.ramp = new AdmissionRamp(options.admission ?? {}, options.clock.monotonicMs())
    options.server.on('upgrade', this.upgrade)
  }

  get connections(): readonly Connection[] {
    return [...this.open]
  }

  get handshakes(): number {
    return this.shaking.size
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.options.server.off('upgrade', this.upgrade)
    for (const socket of this.shaking) socket.terminate()
    for (const connection of [...this.open])
      connection.close({ code: closeCodes.trunkServerClosed, message: 'the relay shuts down' })
  }

  private readonly upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const path = request.url?.split('?', 1)[0]
    if (path !== (this.options.path ?? '/trunk')) return
    this.sockets.handleUpgrade(request, socket, head, webSocket => this.shake(webSocket, request))
  }

  private shake(socket: WebSocket, request: IncomingMessage): void {
    const { clock, key, random } = this.options
    const address = `${request.socket.remoteAddress ?? 'unknown'}:${request.socket.remotePort ?? 0}`
    const settled = () => {
      timer.cancel()
      this.shaking.delete(socket)
      socket.removeAllListeners()
    }
    const refuse = (error: unknown) => {
      settled()
      this.refuse(socket, address, error)
    }
    const timer = clock.setTimer(this.options.handshakeTimeoutMs ?? 5_000, () =>
      refuse(new SelvedgeError(networkErrors.trunkTimeout, 'the handshake took too long'))
    )
    if (this.shaking.size >= (this.options.handshakesMax ?? 512)) return refuse(busy(busyRetryAfterMs))
    this.shaking.add(socket)
    const handshake = new RelayHandshake(
      key,
      site => this.options.rosters(site),
      verify,
      length => random.bytes(length)
    )
    let next: (bytes: Uint8Array) => void = hello => {
      socket.send(handshake.greeted(hello))
      next = proof => {
        const { site, entry } = handshake.proved(proof)
        const admission = this.ramp.take(clock.monotonicMs())
        if (!admission.admitted) throw busy(admission.retryAfterMs)
        socket.send(handshake.welcome())
        settled()
        this.admit(socket, { node: entry.node, site, role: 'node', name: entry.name, address })
      }
    }
    socket.on('message', data => {
      try {
        next(handshakeBytes(data))
      } catch (error) {
        refuse(error)
      }
    })
    socket.on('error', () => {})
    socket.on('close', settled)
  }

  private admit(socket: WebSocket, remote: RemotePeer): void {
    const { clock, log } = this.options
    const connection = new SocketConnection({
      socket,
      remote,
      outgoing: false,
      clock,
      ended: (ended, reason) => {
        this.open.delete(ended)
        log.info({ site: remote.site, node: remote.node, name: remote.name, reason }, 'a trunk ended')
      }
    })
    this.open.add(connection)
    log.info({ site: remote.site, node: remote.node, name: remote.name, address: remote.address }, 'a trunk stands')
    this.options.onConnection(connection)
  }

  private refuse(socket: WebSocket, address: string, error: unknown): void {
    const { code, message, details } = isSelvedgeError(error)
      ? error
      : new SelvedgeError(networkErrors.trunkProtocol, 'the handshake failed', { cause: error })
    this.options.log.warn({ address, code, problem: message }, 'a trunk was refused')
    const retryAfterMs = typeof details.retryAfterMs === 'number' ? { retryAfterMs: details.retryAfterMs } : {}
    socket.on('error', () => {})
    socket.close(closeStatus.refused, encodeCloseReason({ code, message, ...retryAfterMs }, closeTextBytesMax))
    const timer = this.options.clock.setTimer(connectionLimits.closeTimeoutMs, () => socket.terminate())
    socket.once('close', () => timer.cancel())
  }
}

function busy(retryAfterMs: number): SelvedgeError {
  return new SelvedgeError(networkErrors.trunkRefusedBusy, 'too many trunks at once', { details: { retryAfterMs } })
}
