/**
 * Which version of a config the services apply. A release is a register (`@release/<id>`, slot '') that names Automerge heads; the
 * highest stamp wins, as with any register, so releasing earlier heads is a rollback. What is shown is the newest release whose
 * changes are all here: while some are still on their way the release before stays, and the new one is reported as pending.
 */
import type { DocumentId, Logger, Value } from '@selvedge/core'
import type { RegisterAccess } from './register-access.js'

export interface ConfigRelease {
  /** The Automerge heads that are to be applied. */
  readonly heads: readonly string[]
  readonly message?: string
  /** The node that released. */
  readonly by: string
  /** That node's wall clock then, in milliseconds since 1970. */
  readonly atMs: number
}

export interface ReleaseTrackerOptions {
  readonly id: DocumentId
  readonly registers: RegisterAccess
  readonly log: Logger
  /** The release shown before this boot. */
  readonly shown: Value | undefined
  hasHeads(heads: readonly string[]): boolean
  /** Another release is shown now: keep it for the next boot. */
  remember(release: Value): void
  changed(): void
}

const headPattern = /^[0-9a-f]{64}$/
const headsMax = 1024

export class ReleaseTracker {
  private shownRelease: ConfigRelease | undefined
  private pendingRelease: ConfigRelease | undefined
  private readonly unwatch: () => void

  constructor(private readonly options: ReleaseTrackerOptions) {
    const { registers, shown } = options
    const before = shown === undefined ? undefined : parseRelease(shown)
    if (before && options.hasHeads(before.heads)) this.shownRelease = before
    this.unwatch = registers.watch(this.path, paths => {
      if (paths.has(this.path)) this.refresh()
    })
    this.refresh()
  }

  /** The release in force. */
  get shown(): ConfigRelease | undefined {
    return this.shownRelease
  }

  /** A newer release whose changes have not all arrived. */
  get pending(): ConfigRelease | undefined {
    return this.pendingRelease
  }

  set(release: ConfigRelease): void {
    this.options.registers.set(this.path, '', { ...release })
    this.refresh()
  }

  /** The register changed, or changes arrived. */
  refresh(): void {
    const register = this.options.registers.get(this.path, '')
    const newest = register && parseRelease(register.value)
    if (register && !newest)
      this.options.log.warn({ id: this.options.id, writer: register.writer }, 'a release is malformed and ignored')
    const before = [this.shownRelease, this.pendingRelease]
    if (newest && this.options.hasHeads(newest.heads)) {
      this.pendingRelease = undefined
      if (!sameRelease(newest, this.shownRelease)) {
        this.shownRelease = newest
        this.options.remember({ ...newest })
      }
    } else if (!sameRelease(newest, this.pendingRelease)) this.pendingRelease = newest
    if (before[0] !== this.shownRelease || before[1] !== this.pendingRelease) this.options.changed()
  }

  close(): void {
    this.unwatch()
  }

  private get path(): string {
    return `@release/${this.options.id}`
  }
}

function sameRelease(a: ConfigRelease | undefined, b: ConfigRelease | undefined): boolean {
  if (!a || !b) return a === b
  return a.by === b.by && a.atMs === b.atMs && a.message === b.message && a.heads.join() === b.heads.join()
}

function parseRelease(value: Value): ConfigRelease | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) return undefined
  const { heads, message, by, atMs } = value as { readonly [key: string]: Value }
  if (
    !Array.isArray(heads) ||
    heads.length > headsMax ||
    !heads.every(head => typeof head === 'string' && headPattern.test(head))
  )
    return undefined
  if (typeof by !== 'string' || typeof atMs !== 'number') return undefined
  return { heads: heads as string[], by, atMs, ...(typeof message === 'string' ? { message } : {}) }
}
