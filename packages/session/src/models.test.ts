/**
 * The two models of the replication algorithm, run against the real table and the real session: writes between chunks, several
 * transfers at once, transfers cut anywhere, restarts that lose what was not stored, replicas lost for ever, tombstones collected,
 * members evicted and coming back, expiries, skewed clocks.
 */
import { describe, expect, it } from 'vitest'
import { covers, isNewer, type Entry, type Register } from '@selvedge/documents'
import { type TestReplica, TestWorld } from './testing/harness.js'

interface Write {
  readonly path: string
  readonly entry: Entry
}

const runs = Number(process.env['SELVEDGE_MODEL_RUNS'] ?? 10_000)
const firstSeed = Number(process.env['SELVEDGE_MODEL_SEED'] ?? 1)

function copy(register: Register): Entry {
  const { path, slot, value, time, writer, seq, quality, expiresAtMs, batch } = register
  return { path, slot, value, time, writer, seq, quality, expiresAtMs, batch }
}

/** I1: whatever a vector covers stands in the table with a stamp no lower. */
function coverageProblem(world: TestWorld, writes: readonly Write[]): string | undefined {
  for (const replica of world.replicas) {
    if (!replica.alive) continue
    for (const { path, entry } of writes) {
      const writer = replica.table.writers.get(entry.writer.key)
      if (!writer || !replica.table.covers(writer, entry.seq)) continue
      const held = [replica.table.peek(path), replica.table.shadows.get(path)]
      const stands = held.some(
        register => register && (sameDot(register, entry) || isNewer({ ...copy(register), writer: entryWriter(register) }, entry))
      )
      if (!stands) return `${replica.node} covers ${entry.writer.key}:${entry.seq} at ${path} and lacks it`
    }
  }
  return undefined
}

const sameDot = (register: Register, entry: Entry): boolean =>
  register.writer.key === entry.writer.key && register.seq === entry.seq
const entryWriter = (register: Register): Entry['writer'] => register.writer

describe('REG-1 REG-2 SES-2 SES-3: the register-sync model on the real code', () => {
  it(`keeps coverage at every step and converges (${runs} runs)`, { timeout: 60_000 + runs * 30 }, () => {
    for (let seed = firstSeed; seed < firstSeed + runs; seed++) {
      const problem = registerSync(seed)
      expect(problem, `seed ${seed}`).toBeUndefined()
    }
  })
})

function registerSync(seed: number): string | undefined {
  const world = new TestWorld(seed, 3 + (seed % 3))
  const paths = 2 + world.below(6)
  const writes: Write[] = []
  const write = (replica: TestReplica): void => {
    const count = world.random.float() < 0.2 ? 2 : 1
    const act = (): void => {
      const path = `p/${world.below(paths)}`
      if (world.random.float() < 0.15) replica.table.delete(path)
      else replica.table.set(path, world.below(1000))
      writes.push({ path, entry: copy(replica.table.peek(path)!) })
    }
    if (count > 1) replica.table.batch(() => (act(), act()))
    else act()
  }
  for (let step = 0; step < 160; step++) {
    const alive = world.replicas.filter(replica => replica.alive)
    const a = alive[world.below(alive.length)]!
    const b = alive[world.below(alive.length)]!
    const dice = world.random.float()
    if (dice < 0.25) write(a)
    else if (dice < 0.35) {
      if (a !== b) world.connect(a, b)
    } else if (dice < 0.85) {
      const link = world.links[world.below(world.links.length)]
      if (link) {
        for (const side of [0, 1] as const) {
          link.send(side, world.below(5))
          for (let n = world.below(5); n > 0; n--) link.deliver(side)
        }
      }
    } else if (dice < 0.9) {
      const link = world.links[world.below(world.links.length)]
      if (link) world.cutLink(link)
    } else if (dice < 0.94) a.store()
    else if (dice < 0.96) {
      // What only this replica had and had not stored dies with it: it was never acknowledged.
      forgetUnstored(world, a, writes)
      a.restart(world.random.float() < 0.3)
    } else if (dice < 0.97 && alive.length > 2) {
      a.alive = false
      world.disconnect(a)
    } else if (world.random.float() < 0.5) world.advance(world.below(2000))
    else world.askForHashes()
    const problem = coverageProblem(world, writes)
    if (problem) return `step ${step}: ${problem}`
  }
  world.heal()
  world.compare()
  const alive = world.replicas.filter(replica => replica.alive)
  if (new Set(alive.map(replica => replica.shown())).size > 1)
    return `divergence:\n${alive.map(replica => `${replica.node} ${replica.shown()}`).join('\n')}`
  if (new Set(alive.map(replica => JSON.stringify(replica.table.hash()))).size > 1) return 'equal content, unequal hashes'
  if (alive.some(replica => replica.divergences > 0)) return 'a divergence was reported though nothing diverged'
  return coverageProblem(world, writes)
}

/** Writes whose dot exists at no other replica, on no wire and not on the own disk vanish with a restart. */
function forgetUnstored(world: TestWorld, replica: TestReplica, writes: Write[]): void {
  const stored = replica.stored.vector
  for (let i = writes.length - 1; i >= 0; i--) {
    const { entry } = writes[i]!
    if (entry.writer.node !== replica.node || covers(stored, entry.writer, entry.seq)) continue
    const elsewhere = world.replicas.some(other => {
      if (other === replica) return false
      const writer = other.table.writers.get(entry.writer.key)
      return writer !== undefined && other.alive && other.table.covers(writer, entry.seq)
    })
    if (!elsewhere) writes.splice(i, 1)
  }
}
