/** What a session is given, and what it tells: of `S`, the session itself. */
import type { NodeId, SpaceId } from '@selvedge/core'
import type { Compressor } from './frames.js'
import type { SessionTuning } from './link-state.js'
import type { MemberRole } from './members.js'

export interface OptionsOf<S> {
  /** Unique among the sessions of this process, above 0. */
  readonly source: number
  readonly peer: { readonly node: NodeId; readonly role: MemberRole }
  readonly host: HostOf<S>
  /** When given, and the peer has one too, frames are deflated. For trunks: a mesh has bandwidth to spare and no time. */
  readonly compressor?: Compressor
  /** Bytes of data under way at most, 64 KiB or more (SES-17). Default 1 MiB. */
  readonly windowBytes?: number
  /** Something is sent at least this often, unless `setPace` says otherwise. */
  readonly keepaliveMs: number
  /** Without a frame for this long a peer is taken for gone; for longer in proportion, if it promised to be heard less often. */
  readonly timeoutMs: number
  /** How often an idle space's hash is compared. Default 10 s. */
  readonly compareIntervalMs?: number
  readonly tuning?: SessionTuning
}

/** What the session tells the replica that runs it. */
export interface HostOf<S> {
  wallMs(): number
  /** Trusted wall milliseconds: for reports. */
  nowMs(): number
  /** Both hellos are through. */
  opened(session: S): void
  /** The peer's clock says this now. */
  heard(session: S, wallMs: number): void
  /** The peer offers a space that is not attached: answer with `addSpace` (later, if it must be loaded) or `refuseSpace`. */
  offered(session: S, space: SpaceId): void
  signal(session: S, topic: string, payload: Uint8Array): void
  /** Whether the peer is known to have a session of its own with a node. Default: never. */
  hears?(node: NodeId): boolean
  /** Something may be there to send: poll soon. */
  wake(session: S): void
}
