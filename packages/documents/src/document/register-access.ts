/**
 * The narrow view that the document half has of the register table. The catalogue (`@doc/<id>`) and the releases (`@release/<id>`)
 * are registers like any other; nothing here knows about stamps, dots or cuts.
 */
import type { Value } from '@selvedge/core'

export interface RegisterAccess {
  /** Own writer key of this boot, unique per (node, incarnation), made lazily by the table. */
  writerKey(): string
  get(path: string, slot: string): { value: Value; writer: string } | undefined
  /** Durable with the space's next commit. */
  set(path: string, slot: string, value: Value): void
  delete(path: string, slot: string): void
  /** Live slots of a path. */
  slots(path: string): Iterable<{ slot: string; value: Value }>
  /** Paths with slots that start with `prefix`, live or not; used once, at open. */
  paths(prefix: string): Iterable<string>
  /**
   * Called after registers whose path starts with `prefix` changed, locally or by a merge: once a turn, with the changed paths, and
   * which of them came while a peer caught up: what they speak of is not on its way by itself. Returns an unsubscriber.
   */
  watch(prefix: string, listener: (paths: ReadonlySet<string>, caughtUp: ReadonlySet<string>) => void): () => void
}
