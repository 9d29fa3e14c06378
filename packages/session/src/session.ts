/**
 * The session: one protocol between two replicas, sans-I/O. Events go in with the monotonic time, frames come out of
 * `poll` when the transport has room; nothing is awaited, no clock is read. A bad frame closes the session with a reason and never
 * the process. The rules are in SPEC.md beside this file.
 *
 * Nothing that waits is queued twice: what is to be sent is worked out from the tables when there is room to send it, so a peer
 * that stops reading costs a bounded queue of control frames and no more.
 *
 * @example
 * const session = new Session({ source: 1, peer, host, keepaliveMs: 800, timeoutMs: 1_800 })
 * session.addSpace(space)
 * session.start(now)
 * for (let frame = session.poll(now); frame; frame = session.poll(now)) connection.send(frame)
 */
import { ByteReader, isSelvedgeError, SelvedgeError, spaceId, type CloseReason, type NodeId, type SpaceId } from '@selvedge/core'
import { sessionErrors } from './errors.js'
import { Credit } from './credit.js'
import { bodyOf, decodeFrame, encodeFrame, Kind, optionalKinds, type Compressor } from './frames.js'
import { closeBody, deflateFeature, helloMessage, rankedFeature, readClose, readHello } from './greetings.js'
import { Keepalive } from './keepalive.js'
import type { MemberRole } from './members.js'
import { Lanes } from './lanes.js'
import { defaultTuning } from './link-state.js'
import type { Outgoing } from './messages.js'
import type { HostOf, OptionsOf } from './session-options.js'
import { SpaceLink } from './space-link.js'
import { SpaceOffers } from './space-offers.js'
import type { SessionSpace } from './session-space.js'

export type SessionOptions = OptionsOf<Session>
export type SessionHost = HostOf<Session>

const controlMax = 512
const compareIntervalDefaultMs = 10_000

export class Session {
  readonly source: number
  readonly peer: { readonly node: NodeId; readonly role: MemberRole }
  private readonly host: SessionHost
  private readonly links: SpaceLink[] = []
  private readonly lanes: Lanes
  /** By the peer's index. */
  private readonly remote: (SpaceLink | undefined)[] = []
  private readonly offers = new SpaceOffers()
  private control: Outgoing[] = []
  private compressing: Compressor | undefined
  /** Long cuts are sent in the order of their paths: worth it where frames are deflated. */
  private ranks = false
  private helloSent = false
  private helloReceived = false
  private reason: CloseReason | undefined
  private closeSent = false
  private readonly credit: Credit
  private readonly keepalive: Keepalive

  constructor(private readonly options: SessionOptions) {
    this.source = options.source
    this.peer = options.peer
    this.host = options.host
    this.lanes = new Lanes(this.links)
    this.keepalive = new Keepalive(options.keepaliveMs, options.timeoutMs, options.peer.role)
    this.credit = new Credit(options.windowBytes ?? 1024 * 1024)
  }

  // ── spaces ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Synchronises a space in this session from now on. */
  addSpace(space: SessionSpace): void {
    if (this.link(space.id) || this.reason) return
    const link = new SpaceLink({
      space,
      index: this.links.length,
      source: this.source,
      peer: this.peer,
      documents: space.openDocuments?.({
        ...this.peer,
        onPending: () => this.host.wake(this),
        onFault: error => this.fail(error)
      }),
      nowMs: () => this.host.nowMs(),
      hears: node => this.host.hears?.(node) ?? false,
      ranks: () => this.ranks,
      tuning: this.options.tuning ?? defaultTuning
    })
    this.links.push(link)
    if (this.helloSent) this.control.push(...link.announce())
    const offer = this.offers.take(space.id)
    if (offer) {
      this.remote[offer.index] = link
      link.remoteIndex = offer.index
      for (const { kind, body } of offer.messages) this.guarded(() => this.dispatch(kind, new ByteReader(body), false, 0))
    }
    this.host.wake(this)
  }

  /** Tells the peer that an offered space is not synchronised here. */
  refuseSpace(space: SpaceId): void {
    const offer = this.offers.refuse(space)
    if (!offer) return
    this.control.push({ kind: Kind.SpaceClosed, body: bodyOf(out => out.uint(offer.index).string(sessionErrors.spaceRefused)) })
    this.host.wake(this)
  }

  /** The links of the session: for status. */
  get spaces(): readonly SpaceLink[] {
    return this.links
  }

  link(space: SpaceId): SpaceLink | undefined {
    return this.links.find(link => link.space.id === space)
  }

  /** Whether both hellos are through. */
  get open(): boolean {
    return this.helloReceived && !this.reason
  }

  get closed(): boolean {
    return this.reason !== undefined
  }

  /** Why the session ended. */
  get closeReason(): CloseReason | undefined {
    return this.reason
  }

  /** Milliseconds from a ping to its pong, as last measured. */
  get roundTripMs(): number | undefined {
    return this.keepalive.roundTripMs
  }

  /** Milliseconds since the peer was last heard. */
  silentMs(now: number): number {
    return this.keepalive.silentMs(now)
  }

  /** Whether what carries data waits until the peer gives credit. */
  get waitsForCredit(): boolean {
    return !this.credit.left
  }

  // ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  start(now: number): void {
    this.keepalive.start(now)
    this.helloSent = true
    this.control.push(helloMessage(this.host.wallMs(), this.options.compressor ? [deflateFeature, rankedFeature] : []))
    for (const link of this.links) this.control.push(...link.announce())
    this.host.wake(this)
  }

  /** A frame from the peer. Whatever is wrong with it closes the session with a reason. */
  receive(frame: Uint8Array, now: number): void {
    if (this.reason) return
    this.keepalive.heard(now)
    this.guarded(() => {
      const { kind, optional, body } = decodeFrame(frame, this.compressing)
      if (!this.helloReceived && kind !== Kind.Hello && kind !== Kind.Close)
        throw new SelvedgeError(sessionErrors.protocolViolation, `${Kind[kind] ?? kind} came before hello`)
      this.dispatch(kind, body, optional, now)
      const grant = this.credit.consume(kind, frame.length)
      if (!grant) return
      this.control.push(grant)
      this.host.wake(this)
    })
  }

  /** Something is sent each `paceMs` from now on; the peer, who is told, takes this side for gone the later the slower the pace is. */
  setPace(paceMs: number): void {
    this.keepalive.setPace(paceMs)
  }

  /** Keepalive, timeout, and questions that are due; call when {@link tickDueAt} says. Keepalive alone wakes nobody: {@link pollControl}. */
  tick(now: number): void {
    if (this.reason) return
    if (this.keepalive.isOver(now)) {
      const silentMs = Math.round(this.silentMs(now))
      return this.close({ code: sessionErrors.timeout, message: `nothing was heard for ${silentMs} ms` })
    }
    const alive = this.keepalive.next(now, this.host.wallMs())
    if (alive) this.control.push(alive)
    if (this.helloReceived) this.compareIdle(now)
  }

  /** When to call {@link tick}, if nothing passes until then. */
  tickDueAt(now: number): number {
    const { keepaliveMs, compareIntervalMs = compareIntervalDefaultMs } = this.options
    let dueAt = Math.min(this.keepalive.dueAt, now + compareIntervalMs)
    for (const { sender } of this.links) if (sender.isHurried(now)) dueAt = Math.min(dueAt, now + keepaliveMs / 2)
    return dueAt
  }

  /** Ends the session; the reason is sent if there is still room to. Idempotent. */
  close(reason: CloseReason): void {
    if (this.reason) return
    this.reason = reason
    for (const link of this.links) link.close()
    this.host.wake(this)
  }

  /** What {@link SessionHost.hears} says may be something else than before. */
  hearsOthers(): void {
    for (const link of this.links) link.durability.hearsOthers()
    this.host.wake(this)
  }

  /** Sends a signal (presence and the like): the latest of a topic wins while it waits. */
  signal(topic: string, payload: Uint8Array): void {
    this.lanes.signal(topic, payload)
    this.host.wake(this)
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Only what is due by itself, such as a beat: of the spaces nothing is looked at. */
  pollControl(now: number): Uint8Array | undefined {
    return this.control.length > 0 || this.reason ? this.poll(now) : undefined
  }

  /** The next frame to send, by priority: control, signals, acks, live changes, documents, long cuts. Undefined: nothing now. */
  poll(now: number): Uint8Array | undefined {
    if (this.reason) return this.closeFrame(this.reason)
    if (!this.helloSent) return undefined
    const message = this.guarded(() => this.nextMessage(now))
    if (this.reason) return this.closeFrame(this.reason)
    if (!message) return undefined
    const frame = encodeFrame(message.kind, optionalKinds.has(message.kind), message.body, this.compressing)
    this.keepalive.sent(now)
    this.credit.spend(message.kind, frame.length)
    return frame
  }

  private nextMessage(now: number): Outgoing | undefined {
    if (this.control.length > 0 || !this.helloReceived) return this.control.shift()
    return this.lanes.nextAck(now) ?? (this.credit.left ? this.lanes.nextData(now) : undefined) ?? this.lanes.nextMembers(now)
  }

  /** When to poll again though nothing wakes the session: some messages wait for their time. Undefined: not needed. */
  pollAgainInMs(now: number): number | undefined {
    return this.reason || !this.helloReceived ? undefined : this.lanes.dueInMs(now)
  }

  private closeFrame(reason: CloseReason): Uint8Array | undefined {
    if (this.closeSent) return undefined
    this.closeSent = true
    return encodeFrame(Kind.Close, false, closeBody(reason), undefined)
  }

  private compareIdle(now: number): void {
    const intervalMs = this.options.compareIntervalMs ?? compareIntervalDefaultMs
    for (const link of this.links) {
      // Both sides ask: either wants to know.
      if (!link.isCaughtUp || !link.question.isDue(now, intervalMs)) continue
      const request = link.question.compareRequest(now)
      if (request) this.control.push(request)
      else if (link.sender.isHurried(now)) this.host.wake(this)
    }
  }

  // ── receiving ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private guarded<T>(fn: () => T): T | undefined {
    try {
      const result = fn()
      if (this.control.length > controlMax)
        throw new SelvedgeError(sessionErrors.overloaded, `more than ${controlMax} control frames wait to be sent`)
      return result
    } catch (error) {
      this.fail(error)
      return undefined
    }
  }

  private fail(error: unknown): void {
    this.close({
      code: isSelvedgeError(error) ? error.code : sessionErrors.internal,
      message: error instanceof Error ? error.message : String(error)
    })
  }

  private dispatch(kind: number, reader: ByteReader, optional: boolean, now: number): void {
    switch (kind) {
      case Kind.Hello:
        return this.receiveHello(reader)
      case Kind.Space:
        return this.receiveSpace(reader)
      case Kind.Ping:
        return void this.receivePing(reader)
      case Kind.Beat:
        return this.host.heard(this, this.keepalive.receiveBeat(reader))
      case Kind.Pong:
        return this.keepalive.receivePong(reader, now)
      case Kind.Credit:
        this.credit.granted(reader.uint())
        return this.host.wake(this)
      case Kind.Close:
        return this.receiveClose(reader)
      case Kind.Signal: {
        const topic = reader.string(256, 'a topic')
        return this.host.signal(this, topic, reader.bytes().slice())
      }
      case Kind.SpaceClosed:
        reader.uint()
        reader.string(128, 'a code')
        return
      case Kind.Have:
      case Kind.Registers:
      case Kind.Held:
      case Kind.Seal:
      case Kind.Ack:
      case Kind.Members:
      case Kind.Compare:
      case Kind.Compared:
      case Kind.FullCompare:
      case Kind.Document:
        return this.receiveForSpace(kind, reader, now)
      default:
        if (!optional)
          throw new SelvedgeError(sessionErrors.protocolViolation, `a required message of unknown kind ${kind}`, {
            details: { kind }
          })
    }
  }

  private receiveHello(reader: ByteReader): void {
    if (this.helloReceived) throw new SelvedgeError(sessionErrors.protocolViolation, 'a second hello')
    const { wallMs, features } = readHello(reader)
    this.helloReceived = true
    if (features.has(deflateFeature)) this.compressing = this.options.compressor
    this.ranks = this.compressing !== undefined && features.has(rankedFeature)
    this.host.heard(this, wallMs)
    this.host.opened(this)
    this.host.wake(this)
  }

  private receiveSpace(reader: ByteReader): void {
    const start = reader.remaining
    const index = reader.uintUpTo(4_096, 'the index of a space')
    const id = spaceId(reader.string(128, 'a space id'))
    let link = this.remote[index]
    if (!link) {
      link = this.link(id)
      if (!link) return this.keepOffer(id, index, Kind.Space, reader.whole(start))
      link.remoteIndex = index
      this.remote[index] = link
    }
    if (link.space.id !== id)
      throw new SelvedgeError(sessionErrors.protocolViolation, `space ${index} was announced with two ids`)
    link.receiveSpace(reader)
    this.host.wake(this)
  }

  private keepOffer(id: SpaceId, index: number, kind: Kind, body: Uint8Array): void {
    if (this.offers.keep(id, index, kind, body)) this.host.offered(this, id)
  }

  private receiveForSpace(kind: Kind, reader: ByteReader, now: number): void {
    const start = reader.remaining
    const index = reader.uint()
    const link = this.remote[index]
    if (!link) {
      const id = this.offers.idOf(index)
      // Of a space refused here what was under way is passed over.
      if (id !== undefined) this.keepOffer(id, index, kind, reader.whole(start))
      else this.offers.passOver(index)
      return
    }
    const answer = link.receive(kind, reader, now)
    if (kind !== Kind.Document) reader.finish(`a ${Kind[kind]} message`)
    if (answer) this.control.push(answer)
    if (answer || link.asksForMore(kind)) this.host.wake(this)
  }

  private receivePing(reader: ByteReader): void {
    const sentAt = reader.float64()
    this.host.heard(this, reader.int())
    this.control.push({ kind: Kind.Pong, body: bodyOf(out => out.float64(sentAt)) })
    this.host.wake(this)
  }

  private receiveClose(reader: ByteReader): void {
    const reason = readClose(reader)
    this.closeSent = true
    this.close(reason)
  }
}
