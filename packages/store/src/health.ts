/** The health of a store and those who listen to it. */
import type { Clock, Logger, StoreHealth } from '@selvedge/core'

export class HealthState {
  private state: StoreHealth
  private readonly listeners = new Set<(health: StoreHealth) => void>()

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger
  ) {
    this.state = { state: 'ok', sinceMs: clock.wallMs() }
  }

  get current(): StoreHealth {
    return this.state
  }

  listen(listener: (health: StoreHealth) => void): () => void {
    // A wrapper of its own, so that one function listening twice is two listeners.
    const entry = (health: StoreHealth): void => listener(health)
    this.listeners.add(entry)
    return () => void this.listeners.delete(entry)
  }

  ok(): void {
    if (this.state.state === 'ok') return
    const degradedMs = this.clock.wallMs() - this.state.sinceMs
    this.log.info({ code: this.state.code, degradedMs }, 'the disk takes writes again')
    this.change({ state: 'ok', sinceMs: this.clock.wallMs() })
  }

  /** Every other cause is a change; the same one again is not. */
  degraded(code: string, message: string): void {
    if (this.state.state === 'degraded' && this.state.code === code) return
    this.log.error({ code, reason: message }, 'the disk fails: writes wait and are retried')
    const sinceMs = this.state.state === 'degraded' ? this.state.sinceMs : this.clock.wallMs()
    this.change({ state: 'degraded', code, message, sinceMs })
  }

  private change(health: StoreHealth): void {
    this.state = health
    for (const listener of [...this.listeners]) {
      try {
        listener(health)
      } catch (error) {
        // A listener's mistake must not keep batches from being stored.
        this.log.error({ error }, 'a listener to the health of a store threw')
      }
    }
  }
}
