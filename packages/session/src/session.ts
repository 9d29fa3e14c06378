/**
 * The session (design §6): one protocol between two replicas, sans-I/O. Events go in with the monotonic time, frames come out of
 * `poll` when the transport has room; nothing is awaited, no clock is read. A bad frame closes the session with a reason and never
 * the process. The rules are in SPEC.md beside this file.
 *
 * Nothing that waits is queued twice: what is to be sent is worked out from the tables when there is room to send it, so a peer
 * that stops reading costs a bounded queue of control frames and no more.
 *
 * @example
 * const session = new Session({ source: 1, peer, host, pingIntervalMs: 500, timeoutMs: 2_000 })
 * session.addSpace(space)
 * session.start(now)
 * for (let frame = session.poll(now); frame; frame = session.poll(now)) connection.send(frame)
 */
import { ByteReader, isSelvedgeError, SelvedgeError, spaceId, type CloseReason, type NodeId, type SpaceId } from '@selvedge/core'
import { sessionErrors } from './errors.js'
import { bodyOf, decodeFrame, encodeFrame, Kind, protocolVersions, type Compressor } from './frames.js'
import type { MemberRole } from './members.js'
import { defaultTuning, SpaceLink, type Outgoing, type SessionTuning } from './space-link.js'
import type { SessionSpace } from './session-space.js'

export interface SessionOptions {
  /** Unique among the sessions of this process, above 0. */
  readonly source: number
  readonly peer: { readonly node: NodeId; readonly role: MemberRole }
  readonly host: SessionHost
  /** When given, and the peer has one too, frames are deflated. For trunks: a mesh has bandwidth to spare and no time. */
  readonly compressor?: Compressor
  /** A ping is sent after this long without one; also how often hashes of idle spaces may be compared is a multiple of it. */
  readonly pingIntervalMs: number
  /** Without a frame for this long the peer is taken for gone. */
  readonly timeoutMs: number
  /** How often an idle space's hash is compared. Default 10 s. */
  readonly compareIntervalMs?: number
  /** Shortest time between two messages of members' vectors. Default 50 ms. */
  readonly membersIntervalMs?: number
  readonly tuning?: SessionTuning
}

/** What the session tells the replica that runs it. */
export interface SessionHost {
  wallMs(): number
  /** Trusted wall milliseconds: for reports. */
  nowMs(): number
  /** Both hellos are through. */
  opened(session: Session): void
  /** The peer's clock says this now. */
  heard(session: Session, wallMs: number): void
  /** The peer offers a space that is not attached: answer with `addSpace` (later, if it must be loaded) or `refuseSpace`. */
  offered(session: Session, space: SpaceId): void
  signal(session: Session, topic: string, payload: Uint8Array): void
  /** Something may be there to send: poll soon. */
  wake(session: Session): void
}

const creditWindowBytes = 1 << 20
const controlMax = 512
const topicsMax = 64
const offersMax = 32

/** Frames that count against the receiver's credit: those that carry data. */
const creditKinds: ReadonlySet<number> = new Set([Kind.Registers, Kind.Held, Kind.Document, Kind.Have, Kind.Signal])

export class Session {
  readonly source: number
  readonly peer: { readonly node: NodeId; readonly role: MemberRole }
  private readonly host: SessionHost
  private readonly links: SpaceLink[] = []
  private readonly linkOf = new Map<SpaceId, SpaceLink>()
  private readonly remote = new Map<number, SpaceLink>()
  /** Announcements of spaces that are not attached yet, to be read once they are. */
  private readonly offers = new Map<SpaceId, { index: number; bodies: { kind: Kind; body: Uint8Array }[] }>()
  private control: Outgoing[] = []
  private readonly signals = new Map<string, Uint8Array>()
  private compressing: Compressor | undefined
  private helloSent = false
  private helloReceived = false
  private reason: CloseReason | undefined
  private closeSent = false
  private credit = creditWindowBytes
  private consumed = 0
  private lastHeard = 0
  private lastPing = Number.NEGATIVE_INFINITY
  private lastMembers = Number.NEGATIVE_INFINITY
  private readonly compareAt = new Map<SpaceLink, number>()
  private roundTrip: number | undefined
  private turn = 0

  constructor(private readonly options: SessionOptions) {
    this.source = options.source
    this.peer = options.peer
    this.host = options.host
  }

  // ── spaces ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Synchronises a space in this session from now on. */
  addSpace(space: SessionSpace): void {
    if (this.linkOf.has(space.id) || this.reason) return
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
      tuning: this.options.tuning ?? defaultTuning
    })
    this.links.push(link)
    this.linkOf.set(space.id, link)
    if (this.helloSent) this.control.push(...link.announce())
    const offer = this.offers.get(space.id)
    if (offer) {
      this.offers.delete(space.id)
      this.remote.set(offer.index, link)
      link.remoteIndex = offer.index
      for (const { kind, body } of offer.bodies) this.guarded(() => this.dispatch(kind, new ByteReader(body), false, 0))
    }
    this.host.wake(this)
  }

  /** Tells the peer that an offered space is not synchronised here. */
  refuseSpace(space: SpaceId): void {
    const offer = this.offers.get(space)
    if (!offer) return
    this.offers.delete(space)
    this.control.push({ kind: Kind.SpaceClosed, body: bodyOf(out => out.uint(offer.index).string(sessionErrors.spaceRefused)) })
    this.host.wake(this)
  }

  /** The links of the session: for status. */
  get spaces(): readonly SpaceLink[] {
    return this.links
  }

  link(space: SpaceId): SpaceLink | undefined {
    return this.linkOf.get(space)
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
    return this.roundTrip
  }

  /** Milliseconds since the peer was last heard. */
  silentMs(now: number): number {
    return now - this.lastHeard
  }

  // ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  start(now: number): void {
    this.lastHeard = now
    this.lastPing = now
    this.helloSent = true
    const features = this.options.compressor ? ['deflate-raw'] : []
    this.control.push({
      kind: Kind.Hello,
      body: bodyOf(out => {
        out.uint(protocolVersions.min).uint(protocolVersions.max).int(Math.floor(this.host.wallMs())).uint(features.length)
        for (const feature of features) out.string(feature)
      })
    })
    for (const link of this.links) this.control.push(...link.announce())
    this.host.wake(this)
  }

  /** A frame from the peer. Whatever is wrong with it closes the session with a reason. */
  receive(frame: Uint8Array, now: number): void {
    if (this.reason) return
    this.lastHeard = now
    this.guarded(() => {
      const { kind, optional, body } = decodeFrame(frame, this.compressing)
      if (!this.helloReceived && kind !== Kind.Hello && kind !== Kind.Close)
        throw new SelvedgeError(sessionErrors.protocolViolation, `${Kind[kind] ?? kind} came before hello`)
      this.dispatch(kind, body, optional, now)
      if (creditKinds.has(kind)) this.consume(frame.length)
    })
  }

  /** Keepalive and timeout; call at least each {@link SessionOptions.pingIntervalMs}. */
  tick(now: number): void {
    if (this.reason) return
    if (now - this.lastHeard > this.options.timeoutMs) {
      this.close({ code: sessionErrors.timeout, message: `nothing was heard for ${Math.round(now - this.lastHeard)} ms` })
      return
    }
    if (now - this.lastPing >= this.options.pingIntervalMs) {
      this.lastPing = now
      this.control.push({ kind: Kind.Ping, body: bodyOf(out => out.float64(now).int(Math.floor(this.host.wallMs()))) })
    }
    if (this.helloReceived) this.compareIdle(now)
    this.host.wake(this)
  }

  /** Ends the session; the reason is sent if there is still room to. Idempotent. */
  close(reason: CloseReason): void {
    if (this.reason) return
    this.reason = reason
    for (const link of this.links) link.close()
    this.host.wake(this)
  }

  /** Sends a signal (presence and the like): the latest of a topic wins while it waits. */
  signal(topic: string, payload: Uint8Array): void {
    if (this.signals.size >= topicsMax && !this.signals.has(topic))
      throw new SelvedgeError(sessionErrors.overloaded, `more than ${topicsMax} topics wait to be sent`)
    this.signals.set(topic, payload)
    this.host.wake(this)
  }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The next frame to send, by priority: control, signals, acks, live changes, documents, long cuts. Undefined: nothing now. */
  poll(now: number): Uint8Array | undefined {
    if (this.reason) return this.closeFrame(this.reason)
    if (!this.helloSent) return undefined
    const message = this.guarded(() => this.nextMessage(now))
    if (this.reason) return this.closeFrame(this.reason)
    if (!message) return undefined
    const optional = message.kind === Kind.Signal || message.kind === Kind.Members
    const frame = encodeFrame(message.kind, optional, message.body, this.compressing)
    if (creditKinds.has(message.kind)) this.credit -= frame.length
    return frame
  }

  private nextMessage(now: number): Outgoing | undefined {
    const control = this.control.shift()
    if (control) return control
    if (!this.helloReceived) return undefined
    return this.nextAck() ?? (this.credit > 0 ? (this.nextSignal() ?? this.nextData()) : undefined) ?? this.nextMembers(now)
  }

  private nextAck(): Outgoing | undefined {
    for (const link of this.links) {
      const ack = link.nextAck()
      if (ack) return ack
    }
    return undefined
  }

  private nextMembers(now: number): Outgoing | undefined {
    if (now - this.lastMembers < this.membersIntervalMs) return undefined
    for (const link of this.links) {
      const members = link.nextMembers()
      if (members) return members
    }
    this.lastMembers = now
    return undefined
  }

  private get membersIntervalMs(): number {
    return this.options.membersIntervalMs ?? 50
  }

  /** When to poll again though nothing wakes the session: members' vectors wait for their turn. Undefined: not needed. */
  pollAgainInMs(now: number): number | undefined {
    if (this.reason || !this.links.some(link => link.hasNews)) return undefined
    return Math.max(1, this.lastMembers + this.membersIntervalMs - now)
  }

  private nextSignal(): Outgoing | undefined {
    for (const [topic, payload] of this.signals) {
      this.signals.delete(topic)
      return { kind: Kind.Signal, body: bodyOf(out => out.string(topic).bytes(payload)) }
    }
    return undefined
  }

  // Spaces take turns, so that a long catch-up of one does not starve another.
  private nextData(): Outgoing | undefined {
    const lanes: ((link: SpaceLink) => Outgoing | undefined)[] = [
      link => link.nextLive(),
      link => this.documentMessage(link),
      link => link.nextBulk()
    ]
    const count = this.links.length
    for (const lane of lanes)
      for (let i = 0; i < count; i++) {
        const link = this.links[(this.turn + i) % count]!
        const message = link.remoteIndex === undefined ? undefined : lane(link)
        if (!message) continue
        this.turn = (this.turn + i + 1) % count
        return message
      }
    return undefined
  }

  private documentMessage(link: SpaceLink): Outgoing | undefined {
    if (!link.ready) return undefined
    const message = link.documents?.next()
    return message && { kind: Kind.Document, body: bodyOf(out => out.uint(link.index).raw(message)) }
  }

  private closeFrame(reason: CloseReason): Uint8Array | undefined {
    if (this.closeSent) return undefined
    this.closeSent = true
    const body = bodyOf(out => out.string(reason.code).string(reason.message.slice(0, 1_000)).uint(Math.max(0, Math.floor(reason.retryAfterMs ?? 0))))
    return encodeFrame(Kind.Close, false, body, undefined)
  }

  /** Whether this side's sending is held up by the peer's credit. */
  get outOfCredit(): boolean {
    return this.credit <= 0
  }

  private consume(bytes: number): void {
    this.consumed += bytes
    if (this.consumed < creditWindowBytes / 4) return
    const bytesConsumed = this.consumed
    this.consumed = 0
    this.control.push({ kind: Kind.Credit, body: bodyOf(out => out.uint(bytesConsumed)) })
  }

  private compareIdle(now: number): void {
    const intervalMs = this.options.compareIntervalMs ?? 10_000
    for (const link of this.links) {
      const due = this.compareAt.get(link)
      // The first comparison follows soon on the catch-up. Both sides ask: either wants to know.
      if (!link.isCaughtUp) continue
      if (due !== undefined && now < due) continue
      const request = link.compareRequest()
      if (!request) continue
      this.compareAt.set(link, now + intervalMs)
      this.control.push(request)
    }
  }

  // ── receiving ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  private guarded<T>(fn: () => T): T | undefined {
    try {
      const result = fn()
      if (this.control.length > controlMax) throw new SelvedgeError(sessionErrors.overloaded, `more than ${controlMax} control frames wait to be sent`)
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
      case Kind.Pong:
        return this.receivePong(reader, now)
      case Kind.Credit:
        return this.receiveCredit(reader)
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
        return this.receiveForSpace(kind, reader)
      default:
        if (!optional) throw new SelvedgeError(sessionErrors.protocolViolation, `a required message of unknown kind ${kind}`, { details: { kind } })
    }
  }

  private receiveHello(reader: ByteReader): void {
    if (this.helloReceived) throw new SelvedgeError(sessionErrors.protocolViolation, 'a second hello')
    const min = reader.uint()
    const max = reader.uint()
    if (min > protocolVersions.max || max < protocolVersions.min)
      throw new SelvedgeError(
        sessionErrors.protocolVersion,
        `the peer speaks session protocol ${min} to ${max}, this side ${protocolVersions.min} to ${protocolVersions.max}: update the older one`,
        { details: { theirs: [min, max], ours: protocolVersions } }
      )
    const wallMs = reader.int()
    const features = new Set<string>()
    for (let left = reader.count('the number of features'); left > 0; left--) features.add(reader.string(64, 'a feature'))
    this.helloReceived = true
    if (features.has('deflate-raw')) this.compressing = this.options.compressor
    this.host.heard(this, wallMs)
    this.host.opened(this)
    this.host.wake(this)
  }

  private receiveSpace(reader: ByteReader): void {
    const start = reader.remaining
    const index = reader.uintUpTo(4_096, 'the index of a space')
    const id = spaceId(reader.string(128, 'a space id'))
    let link = this.remote.get(index)
    if (!link) {
      link = this.linkOf.get(id)
      if (!link) return this.keepOffer(id, index, Kind.Space, reader, start)
      link.remoteIndex = index
      this.remote.set(index, link)
    }
    if (link.space.id !== id) throw new SelvedgeError(sessionErrors.protocolViolation, `space ${index} was announced with two ids`)
    link.receiveSpace(reader)
    this.host.wake(this)
  }

  private keepOffer(id: SpaceId, index: number, kind: Kind, reader: ByteReader, start: number): void {
    let offer = this.offers.get(id)
    const fresh = !offer
    if (!offer) {
      if (this.offers.size >= offersMax) throw new SelvedgeError(sessionErrors.overloaded, `more than ${offersMax} spaces offered`)
      this.offers.set(id, (offer = { index, bodies: [] }))
    }
    if (offer.bodies.length >= 256) throw new SelvedgeError(sessionErrors.overloaded, `too long an announcement of ${id}`)
    offer.bodies.push({ kind, body: reader.whole(start) })
    if (fresh) this.host.offered(this, id)
  }

  private receiveForSpace(kind: Kind, reader: ByteReader): void {
    const start = reader.remaining
    const index = reader.uint()
    const link = this.remote.get(index)
    if (!link) {
      for (const [id, offer] of this.offers) if (offer.index === index) return this.keepOffer(id, index, kind, reader, start)
      return // of a space refused here: what was under way is passed over
    }
    const answer = this.receiveInto(link, kind, reader)
    if (kind !== Kind.Document) reader.finish(`a ${Kind[kind]} message`)
    if (answer) this.control.push(answer)
    this.host.wake(this)
  }

  private receiveInto(link: SpaceLink, kind: Kind, reader: ByteReader): Outgoing | undefined {
    switch (kind) {
      case Kind.Have:
        return void link.receiveHave(reader)
      case Kind.Registers:
        return void link.receiveRegisters(reader)
      case Kind.Held:
        return void link.receiveHeld(reader)
      case Kind.Seal:
        return void link.receiveSeal(reader)
      case Kind.Ack:
        return void link.receiveAck(reader)
      case Kind.Members:
        return void link.receiveMembers(reader)
      case Kind.Compare:
        return link.receiveCompare(reader)
      case Kind.Compared:
        return link.receiveCompared(reader)
      case Kind.FullCompare:
        return void link.beginFullCompare()
      default:
        return void link.documents?.receive(reader.raw(reader.remaining))
    }
  }

  private receivePing(reader: ByteReader): void {
    const sentAt = reader.float64()
    this.host.heard(this, reader.int())
    this.control.push({ kind: Kind.Pong, body: bodyOf(out => out.float64(sentAt)) })
    this.host.wake(this)
  }

  private receivePong(reader: ByteReader, now: number): void {
    const roundTrip = now - reader.float64()
    if (Number.isFinite(roundTrip) && roundTrip >= 0) this.roundTrip = roundTrip
  }

  private receiveCredit(reader: ByteReader): void {
    this.credit = Math.min(creditWindowBytes, this.credit + reader.uint())
    this.host.wake(this)
  }

  private receiveClose(reader: ByteReader): void {
    const code = reader.string(128, 'a code')
    const message = reader.string(4_000, 'a message')
    const retryAfterMs = reader.uintUpTo(3_600_000, 'a retry time')
    this.closeSent = true
    this.close({ code, message, ...(retryAfterMs > 0 ? { retryAfterMs } : {}) })
  }
}
