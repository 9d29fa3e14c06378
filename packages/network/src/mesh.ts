/**
 * The mesh of a site: every node of the roster that can be reached, over libp2p (TCP, Noise, Yamux), one connection for each pair.
 * Only nodes of the roster are admitted, on both sides. Here is what it offers; `open-mesh.ts` makes one.
 */
import type { Connection, Environment, NodeId } from '@selvedge/core'
import type { Roster } from './roster.js'
import type { NodeKey } from './system/node-key.js'

export interface MeshOptions extends Environment {
  readonly key: NodeKey
  readonly roster: Roster
  /** Multiaddrs to listen on, such as `/ip4/0.0.0.0/tcp/4001`; port 0 takes a free one; an empty list only dials. */
  readonly listen: readonly string[]
  /** Multiaddrs to keep connected to, with or without `/p2p/<node>`; one's own may be among them. Default none. */
  readonly peers?: readonly string[]
  /** Find nodes of the roster on the local network. Needs a route for multicast (a default route will do). Default false. */
  readonly mdns?: boolean
  /**
   * Milliseconds without a frame after which a connection gives way to a new one to the same node, which may have started anew: longer
   * than sessions are silent for while they live. Default 3,500.
   */
  readonly silentMs?: number
  /** A node was admitted. Attach handlers now or later: frames wait. */
  onConnection(connection: Connection): void
}

export const meshSilentMs = 3_500

export interface Mesh {
  /** Where this node listens, each with `/p2p/<node>`. */
  readonly addresses: readonly string[]
  /** At most one for each node. */
  readonly connections: readonly Connection[]
  /**
   * Dials once, and resolves when the other end has admitted this node; `onConnection` is called too.
   * @throws SelvedgeError `MESH_ADDRESS_INVALID`, `MESH_DIAL_FAILED`, `MESH_CLOSED`
   */
  dial(address: string): Promise<Connection>
  /** Closes the connection to a node. A listed or discovered node is dialled again: to keep one away use `setBlocked`. */
  disconnect(node: NodeId): void
  /**
   * An operator's emergency isolation: connections to nodes for which `blocked` answers true are cut at once and admitted no more,
   * on this side. Each call replaces the last; `() => false` ends it.
   */
  setBlocked(blocked: (node: NodeId) => boolean): void
  /** Closes every connection and stops listening. Idempotent. */
  close(): Promise<void>
}
