/**
 * Whether a node may act: `loaded` is not enough, since a cold, empty node knows nothing of its building. `synced` means that a peer
 * has sealed every space once, `alone` that the node may be alone by choice.
 */
import { SelvedgeError } from '@selvedge/core'
import type { SpaceReplica } from '@selvedge/replica'
import { siteErrors } from './errors.js'
import type { Readiness } from './presence.js'

interface Waiter {
  resolve(state: 'synced' | 'alone'): void
  reject(error: Error): void
}

export class ReadinessGate {
  private current: Readiness = 'loading'
  private readonly seals = new Set<SpaceReplica>()
  private readonly waiters = new Set<Waiter>()

  constructor(private readonly onChange: (readiness: Readiness) => void) {}

  get state(): Readiness {
    return this.current
  }

  /** A peer has sealed a space for the first time in its session. */
  sealed(space: SpaceReplica): void {
    this.seals.add(space)
  }

  isSealed(space: SpaceReplica): boolean {
    return this.seals.has(space)
  }

  set(readiness: Readiness): void {
    if (this.current === readiness) return
    this.current = readiness
    if (readiness === 'synced' || readiness === 'alone') for (const waiter of [...this.waiters]) waiter.resolve(readiness)
    this.onChange(readiness)
  }

  /** @throws SelvedgeError `SITE_CLOSED`; the signal's reason when it aborts */
  wait(signal?: AbortSignal): Promise<'synced' | 'alone'> {
    const { current } = this
    if (current === 'synced' || current === 'alone') return Promise.resolve(current)
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const aborted = (): void => waiter.reject(signal?.reason as Error)
      const done = (): void => {
        this.waiters.delete(waiter)
        signal?.removeEventListener('abort', aborted)
      }
      const waiter: Waiter = { resolve: state => (done(), resolve(state)), reject: error => (done(), reject(error)) }
      this.waiters.add(waiter)
      signal?.addEventListener('abort', aborted, { once: true })
    })
  }

  close(): void {
    const closed = new SelvedgeError(siteErrors.closed, 'the site was closed before it was ready')
    for (const waiter of [...this.waiters]) waiter.reject(closed)
  }
}
