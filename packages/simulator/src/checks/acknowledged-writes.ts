/**
 * Acknowledged writes (I3): what a receipt has promised outlives what its level promises to outlive.
 *
 * - *claims*: what a replica claims to have on its disk it still has at its next boot, whatever ended it. A crash of the process or of
 *   the power voids nothing of this, as the claim follows the fsync; harm to the disk itself (corruption, replacement, an older copy)
 *   voids it, a clone from then on.
 * - *grounds*: when a receipt says `site` or `relay`, another node of the site, or the relay, claims the write, or did before its disk
 *   was harmed.
 * - *end*: a receipt rests on the disks that had the write: `local` on the own one, `site` on those of the other nodes that had it by
 *   then, `relay` on the relay's. While one of them is sound, or another that claimed the write when the last was harmed, every
 *   replica holds the write at the end, or what came later.
 */
import type { SpaceId } from '@selvedge/core'
import { covers, type VersionVector, type WriterKey } from '@selvedge/documents'
import type { DurabilityLevel } from '@selvedge/replica'
import type { Run } from '../run.js'
import type { Check } from './check.js'
import { isHeldFor } from './dots-and-coverage.js'
import type { DiskHarmed } from './history.js'
import { observerOf, shadowMark, storedOf, type Acknowledged, type Observer, type Watched, type Witness } from './observer.js'
import type { Write } from './space-ledger.js'
import { isSiteOf } from './space-names.js'

/** A write that was promised to last. */
interface Promised {
  readonly write: Write
  readonly level: DurabilityLevel
  readonly by: string
  readonly atMs: number
  /** Machines whose disks it rests on. */
  readonly disks: Set<string>
}

/** What one machine's disk holds of a space, by its own word. */
class DiskClaim {
  vector: VersionVector | undefined
  /** Who made the claim: alive, or gone since. */
  by: Watched | undefined
  /** Claims made before the disk was harmed. */
  harmed: Watched | undefined
  harmedVector: VersionVector | undefined
}

export class AcknowledgedWrites implements Check, Witness {
  readonly name = 'acknowledged-writes'
  private run!: Run
  private observer!: Observer
  private readonly claims = new Map<SpaceId, Map<string, DiskClaim>>()
  private readonly promises = new Map<SpaceId, Map<string, Promised[]>>()
  private readonly harmedSince = new Map<string, number>()
  private judged = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.observer.join(this)
    run.history.on('diskHarmed', harmed => this.harmed(harmed))
  }

  stored(watched: Watched): void {
    const claim = this.claimOf(watched.space.id, watched.host)
    claim.vector = watched.durable.vector
    claim.by = watched
  }

  /** At a boot the disk must hold what was claimed of it. */
  booted(watched: Watched): void {
    const { host, table, space } = watched
    const claim = this.claimOf(space.id, host)
    // A process goes on with what it has in memory when its disk is damaged under it: then the start after it tells the loss.
    const toldLoss = space.rejoined && claim.by !== undefined && (this.harmedSince.get(host) ?? -1) >= claim.by.bootedAtMs
    for (const [key, seq] of (toldLoss ? undefined : claim.vector)?.seqs ?? []) {
      this.judged++
      const writer = table.writers.get(key)
      if (writer ? table.covers(writer, seq) : isClosedFor(watched, key)) continue
      this.run.fail(
        this,
        `less on the disk than was claimed${space.rejoined ? ', and a loss was found' : ''}`,
        `${host} had told others that writes of ${space.id} were on its disk, and they were not there when it was started again.`,
        { space: space.id, host, writer: key, claimedSeq: seq, seq: writer?.covered ?? 0, foundLoss: space.rejoined }
      )
      return
    }
    for (const list of this.promises.get(space.id)?.values() ?? [])
      for (const promised of list) {
        if (!promised.disks.has(host)) continue
        this.judged++
        if (!isHeldFor(watched, promised.write)) return this.lost(watched, promised, 'at a boot')
      }
    this.stored(watched)
  }

  acknowledged({ by, writer, seq, level }: Acknowledged): void {
    const write = by.ledger.find(writer, seq)
    // Overwritten in the turn in which it was made: nobody could see it, and what overwrote it has a dot of its own.
    if (!write) return
    const rests = level === 'local' || by.machine.role === level ? [by.host] : this.holders(by, write, level)
    this.judged++
    if (rests.length === 0) return this.groundless(by, write, level)
    const disks = new Set(rests.filter(host => this.isSound(host, by.space.id, write)))
    if (disks.size > 0) this.promise(by.space.id, { write, level, by: by.host, atMs: this.run.nowMs, disks })
  }

  private claimOf(space: SpaceId, host: string): DiskClaim {
    let hosts = this.claims.get(space)
    if (!hosts) this.claims.set(space, (hosts = new Map<string, DiskClaim>()))
    let claim = hosts.get(host)
    if (!claim) hosts.set(host, (claim = new DiskClaim()))
    return claim
  }

  /** Machines, other than the writer's own, of the role that a level asks for, that have claimed the write at any time. */
  private holders(by: Watched, write: Write, level: DurabilityLevel): string[] {
    const role = level === 'relay' ? 'relay' : 'node'
    return this.observer.machines
      .filter(machine => machine.role === role && machine.name !== by.host && isSiteOf(by.space.id, machine.site))
      .filter(({ name }) => {
        const { vector, by: watched, harmed, harmedVector } = this.claimOf(by.space.id, name)
        return claims(watched, vector, write) || claims(harmed, harmedVector, write)
      })
      .map(({ name }) => name)
  }

  private isSound(host: string, space: SpaceId, write: Write): boolean {
    const { vector, by } = this.claimOf(space, host)
    return claims(by, vector, write) || (this.harmedSince.get(host) ?? -1) < write.atMs
  }

  private groundless(by: Watched, write: Write, level: DurabilityLevel): void {
    const where = level === 'relay' ? 'the relay has' : 'another node of the site has'
    this.run.fail(
      this,
      `a receipt without ground: ${level}`,
      `A receipt on ${by.host} said that ${where} a write of ${write.path} on disk, and none had claimed it.`,
      { space: by.space.id, host: by.host, path: write.path, slot: write.slot, writer: write.author.key, seq: write.seq, level }
    )
  }

  private promise(space: SpaceId, promised: Promised): void {
    let addresses = this.promises.get(space)
    if (!addresses) this.promises.set(space, (addresses = new Map<string, Promised[]>()))
    const { address, time } = promised.write
    const kept = (addresses.get(address) ?? []).filter(
      older => older.write.time > time || ![...older.disks].every(disk => promised.disks.has(disk))
    )
    addresses.set(address, [...kept, promised])
  }

  /** From now on nothing rests on this disk; what rested on it alone rests on whoever else claims it, or is void. */
  private harmed({ host, harm }: DiskHarmed): void {
    this.harmedSince.set(host, this.run.nowMs)
    for (const [space, hosts] of this.claims) {
      const claim = hosts.get(host)
      if (claim?.vector) {
        claim.harmed = claim.by
        claim.harmedVector = claim.vector
        claim.vector = undefined
        claim.by = undefined
      }
      for (const [address, list] of this.promises.get(space) ?? []) {
        const left = list.filter(promised => {
          if (!promised.disks.delete(host) || promised.disks.size > 0) return true
          for (const [other, { by, vector }] of hosts) if (claims(by, vector, promised.write)) promised.disks.add(other)
          return promised.disks.size > 0
        })
        if (left.length < list.length) this.promises.get(space)!.set(address, left)
      }
    }
    this.run.tell(host, `its disk is ${harm}: what rests on it alone is no longer promised`)
  }

  atEnd(): void {
    this.observer.look()
    for (const [space, addresses] of this.promises)
      for (const watched of this.observer.replicas(space))
        for (const list of addresses.values())
          for (const promised of list) {
            this.judged++
            if (!isHeldFor(watched, promised.write)) return this.lost(watched, promised, 'at the end')
          }
    if (this.judged > 0) this.run.pass(this)
    else this.run.unknown(this, 'nothing was acknowledged')
  }

  private lost({ host, space }: Watched, { write, level, by, atMs, disks }: Promised, when: string): void {
    this.run.fail(
      this,
      `lost ${when}: ${level}`,
      `A write of ${write.path} on ${by} was acknowledged as durable (${level}), and ${host} does not have it ${when}.`,
      {
        space: space.id,
        host,
        path: write.path,
        slot: write.slot,
        writer: write.author.key,
        seq: write.seq,
        level,
        by,
        acknowledgedAtMs: atMs,
        restsOn: [...disks]
      }
    )
  }
}

/** Whether a claim holds a write: by its vector, or as a register that was stored above it. */
function claims(watched: Watched | undefined, vector: VersionVector | undefined, write: Write): boolean {
  if (!watched || !vector) return false
  const writer = watched.table.writers.get(write.author.key)
  if (writer && covers(vector, writer, write.seq)) return true
  // What is held back is stored too.
  return [write.address, write.address + shadowMark].some(place => {
    const stored = storedOf(watched.seen.get(place), watched.durable.changeIndex)
    return stored !== undefined && stored.write.time >= write.time
  })
}

function isClosedFor({ table, ledger }: Watched, key: WriterKey): boolean {
  const author = ledger.authors.get(key)
  return author !== undefined && (table.closed.get(author.node) ?? Number.NEGATIVE_INFINITY) >= author.createdAt
}
