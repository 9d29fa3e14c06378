/** What a node's drivers have done since they started. */
export interface DriverCounts {
  readonly writes: number
  readonly loops: number
  /** Milliseconds from a sensor's write on another node to the loop's decision here, the latest {@link latenciesMax}. */
  readonly loopMs: readonly number[]
  readonly traceRows: number
}

export const latenciesMax = 200

export class DriverTally {
  private writes = 0
  private loops = 0
  private rows = 0
  private latenciesMs: number[] = []

  wrote(points: number): void {
    this.writes += points
  }

  /** `latencyMs` of a loop whose sensor is on another node. */
  looped(latencyMs: number | undefined): void {
    this.loops++
    if (latencyMs === undefined) return
    if (this.latenciesMs.length >= latenciesMax) this.latenciesMs.shift()
    this.latenciesMs.push(latencyMs)
  }

  playedRow(): void {
    this.rows++
  }

  counts(): DriverCounts {
    return { writes: this.writes, loops: this.loops, loopMs: [...this.latenciesMs], traceRows: this.rows }
  }
}
