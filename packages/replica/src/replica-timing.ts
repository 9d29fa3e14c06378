/** Times in milliseconds, with defaults that suit a building; simulations and tests choose others. */
export interface ReplicaTiming {
  /** Clocks further off than this are not obeyed (I5). Default 5 min. */
  readonly maxClockSkewMs: number
  /**
   * In the mesh, what a session is silent for at most on the side of a node that others wait for (the holder of the trunk), and the
   * silence after which such a peer is taken for gone. Default 800 and 1,800.
   */
  readonly meshKeepaliveMs: number
  readonly meshTimeoutMs: number
  /** The first of them for everybody else; the second is longer in proportion. Default 3,000. */
  readonly meshCalmKeepaliveMs: number
  /** The same for trunks. Default 2,000 and 8,000. */
  readonly trunkKeepaliveMs: number
  readonly trunkTimeoutMs: number
  /** A write that was under way for longer is told to watchers as merged, not live. Default 10 s. */
  readonly liveWithinMs: number
  /** Between collections of tombstones. Default 60 s. */
  readonly gcIntervalMs: number
  /** A member without progress for this long holds no tombstone back. Default 30 days. */
  readonly gcHorizonMs: number
  /** Deletes are kept for this long at least, longer than clocks are wrong as a rule. Default 10 min. */
  readonly deletesKeptMs: number
  /** Superseded incarnations are closed after this long. Default 30 days. */
  readonly closeIncarnationsAfterMs: number
  /** Between comparisons of hashes with an idle peer. Default 10 s. */
  readonly compareIntervalMs: number
  /** A closing replica waits for a disk that does not answer for this long, twice at most. Default 5 s. */
  readonly closeWithinMs: number
}

const dayMs = 86_400_000
export const defaultTiming: ReplicaTiming = {
  maxClockSkewMs: 300_000,
  meshKeepaliveMs: 800,
  meshTimeoutMs: 1_800,
  meshCalmKeepaliveMs: 3_000,
  trunkKeepaliveMs: 2_000,
  trunkTimeoutMs: 8_000,
  liveWithinMs: 10_000,
  gcIntervalMs: 60_000,
  gcHorizonMs: 30 * dayMs,
  deletesKeptMs: 600_000,
  closeIncarnationsAfterMs: 30 * dayMs,
  compareIntervalMs: 10_000,
  closeWithinMs: 5_000
}
