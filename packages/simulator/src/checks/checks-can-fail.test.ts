/** Each check is shown a world, or a runtime, that is broken on purpose: it must say so, and say what. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { hlcFromMs, spaceId } from '@selvedge/core'
import { RegisterSet, RegisterTable, type Entry, type Register } from '@selvedge/documents'
import { ConflictLog, Replica } from '@selvedge/replica'
import type { SimulatedNode } from '../world.js'
import { AcknowledgedWrites } from './acknowledged-writes.js'
import { BoundedGrowth } from './bounded-growth.js'
import type { Check } from './check.js'
import { ConflictsRecorded } from './conflicts-recorded.js'
import { Convergence } from './convergence.js'
import { DocumentsEqual } from './documents-equal.js'
import { DotsAndCoverage } from './dots-and-coverage.js'
import { NoResurrection } from './no-resurrection.js'
import { ReferenceModel } from './reference-model.js'
import { canaryText, Residency } from './residency.js'
import { SessionGuarantees } from './session-guarantees.js'
import { StrongEventualConsistency } from './strong-eventual-consistency.js'
import { CheckedRun } from './testing/checked-run.js'

afterEach(() => void vi.restoreAllMocks())

const state = spaceId('hq/state')

async function running(check: Check): Promise<{ run: CheckedRun; one: SimulatedNode; two: SimulatedNode; three: SimulatedNode }> {
  const run = new CheckedRun({ seed: 1, lan: { latencyMs: 1 }, trunk: { latencyMs: 20 } }, [check])
  await run.start()
  const [one, two, three] = run.nodes
  return { run, one: one!, two: two!, three: three! }
}

function tableOf(node: SimulatedNode): RegisterTable {
  return node.open!.space('state').replica.table
}

/** An entry as it stands, with something else in it. */
function changed(register: Register, changes: Partial<Entry>): Entry {
  const { path, slot, value, time, writer, seq, quality, expiresAtMs, batch } = register
  return { path, slot, value, time, writer, seq, quality, expiresAtMs, batch, ...changes }
}

/** Puts something in a node's table past all rules. */
function force(node: SimulatedNode, path: string, changes: Partial<Entry>, slot = ''): void {
  const table = tableOf(node)
  table['holdings'].place(changed(table.peek(path, slot)!, changes), 1)
}

/** What was at a point first and what is there now, everywhere. */
async function twoWrites(run: CheckedRun, one: SimulatedNode): Promise<Entry> {
  one.open!.points.set('lamp', 'first')
  await run.elapse(2_000)
  const first = changed(tableOf(one).peek('lamp')!, {})
  one.open!.points.set('lamp', 'second')
  await run.elapse(2_000)
  return first
}

function cutOff(run: CheckedRun, ...names: string[]): void {
  for (const { name } of run.world.processes)
    for (const cut of names) if (name !== cut) run.world.network.setState(name, cut, 'closed')
}

describe('strong eventual consistency', () => {
  it('finds equal coverage with unequal content', async () => {
    const { run, one, two } = await running(new StrongEventualConsistency())
    await twoWrites(run, one)
    force(two, 'lamp', { value: 'third' })
    await run.elapse(1_000)
    expect(run.found).toEqual(['strong-eventual-consistency: equal coverage, unequal hash: a value'])
  })

  it('finds a merge that depends on the order', async () => {
    const { run, one } = await running(new StrongEventualConsistency())
    await twoWrites(run, one)
    await run.elapse(5_000)
    vi.spyOn(RegisterTable.prototype, 'merge').mockImplementation(function (this: RegisterTable, entry) {
      this['holdings'].place(entry, 1)
      return 'applied'
    })
    await run.finish()
    expect(run.found).toEqual(['strong-eventual-consistency: replayed in another order, unequal hash'])
  })
})

describe('acknowledged writes', () => {
  async function restored(harmIsTold: boolean): Promise<CheckedRun> {
    const { run, one, two, three } = await running(new AcknowledgedWrites())
    cutOff(run, one.name, two.name, three.name)
    const before = one.disk.snapshot()
    let durable = false
    void one
      .open!.points.set('lamp', 1)
      .durable('local')
      .then(() => (durable = true))
    await run.passUntil(() => durable, 5_000)
    expect(durable).toBe(true)
    await run.elapse(100)
    one.kill()
    if (!harmIsTold) one.disk.onHarm.length = 0
    one.disk.restore(before)
    one.start()
    await run.elapse(1_000)
    await run.finish()
    return run
  }

  it('find a disk that has less than was claimed', async () => {
    const run = await restored(false)
    expect(run.found).toEqual(['acknowledged-writes: less on the disk than was claimed'])
  })

  it('hold nobody to what rests on a disk that was harmed', async () => {
    const run = await restored(true)
    expect(run.found).toEqual([])
  })

  it('find a receipt that nothing stands behind', async () => {
    const { run, one, two, three } = await running(new AcknowledgedWrites())
    cutOff(run, one.name, two.name, three.name)
    await run.elapse(5_000)
    one.open!.space('state').replica.receipts['isDurable'] = () => true
    void one.open!.points.set('lamp', 1).durable('site')
    await run.elapse(1_000)
    expect(run.found).toEqual(['acknowledged-writes: a receipt without ground: site'])
  })

  it('find a write that is gone everywhere', async () => {
    const { run, one } = await running(new AcknowledgedWrites())
    void one.open!.points.set('lamp', 1).durable('relay')
    await run.elapse(5_000)
    for (const { table } of [
      ...run.nodes.map(({ open }) => open!.space('state').replica),
      run.world.relay.open!['replica']!.space(state)
    ])
      table['holdings'].drop(table.peek('lamp')!)
    await run.finish()
    expect(run.found).toEqual(['acknowledged-writes: lost at the end: relay'])
  })
})

describe('dots and coverage', () => {
  it('find one dot with two meanings', async () => {
    const { run, one, two } = await running(new DotsAndCoverage())
    await twoWrites(run, one)
    force(two, 'lamp', { value: 'third' })
    await run.elapse(1_000)
    expect(run.found).toEqual(['dots-and-coverage: one dot, another value'])
  })

  it('find a vector that covers what is not held', async () => {
    const { run, one, two } = await running(new DotsAndCoverage())
    await twoWrites(run, one)
    cutOff(run, two.name)
    const { writer, seq } = one.open!.points.set('door', 'open').dot
    await run.elapse(1_000)
    tableOf(two).seal({ seqs: new Map([[writer, seq]]), closed: new Map() })
    await run.elapse(1_000)
    expect(run.found).toEqual(['dots-and-coverage: covered and absent: a point'])
  })

  it('find what was covered and dropped later', async () => {
    const { run, one, two } = await running(new DotsAndCoverage())
    await twoWrites(run, one)
    tableOf(two)['holdings'].drop(tableOf(two).peek('lamp')!)
    two.kill()
    await run.elapse(1_000)
    expect(run.found).toEqual(['dots-and-coverage: covered and absent: a point'])
  })
})

describe('no resurrection', () => {
  it('finds what was deleted and is back', async () => {
    const { run, one, two } = await running(new NoResurrection())
    const first = await twoWrites(run, one)
    one.open!.points.delete('lamp')
    await run.elapse(2_000)
    force(two, 'lamp', { value: first.value, time: first.time, seq: first.seq, writer: tableOf(two).writer(first.writer.key) })
    await run.elapse(1_000)
    expect(run.found).toEqual(['no-resurrection: a deleted register is back, though nobody came back late'])
  })
})

describe('session guarantees', () => {
  it('find a replica that goes back', async () => {
    const { run, one, two } = await running(new SessionGuarantees())
    const first = await twoWrites(run, one)
    force(two, 'lamp', { value: first.value, time: first.time, seq: first.seq })
    await run.elapse(1_000)
    expect(run.found).toEqual(['session-guarantees: a replica went back'])
  })

  it('find a node that does not show what a roaming client has seen and it covers', async () => {
    const { run, one, two } = await running(new SessionGuarantees())
    await twoWrites(run, one)
    tableOf(two)['holdings'].drop(tableOf(two).peek('lamp')!)
    await run.elapse(10_000)
    expect(run.found[0]).toBe('session-guarantees: a roaming client lost what it had seen')
  })

  it('find coverage that is not causal', async () => {
    const { run, one, two, three } = await running(new SessionGuarantees())
    await run.elapse(2_000)
    cutOff(run, three.name)
    for (let i = 0; i < 60 && run.findings.length === 0; i++) {
      one.open!.points.set('lamp', i)
      await run.elapse(500)
      // It covers the lamp, and not the door that was opened after that.
      const { writer, seq } = two.open!.points.set('door', i).dot
      await run.elapse(500)
      const door = changed(tableOf(two).peek('door')!, {})
      const table = tableOf(three)
      table.merge({ ...door, writer: table.writer(door.writer.key) }, 1)
      table.seal({ seqs: new Map([[writer, seq]]), closed: new Map() })
      await run.elapse(500)
    }
    expect(run.found).toEqual(['session-guarantees: writes do not follow reads'])
  })

  it('do not take what expires for a write of that moment', async () => {
    const timing = { maxClockSkewMs: 1_000, gcIntervalMs: 500, deletesKeptMs: 0 }
    const run = new CheckedRun({ seed: 1, siteOptions: { timing } }, [new SessionGuarantees()])
    await run.start()
    const [one, two, three] = run.nodes
    for (let i = 0; i < 40; i++) {
      one!.open!.points.priority(`damper/${i}`).write(8, true, { expiresInMs: 5_000 })
      await run.elapse(150)
    }
    cutOff(run, three!.name)
    two!.open!.points.set('lamp', true)
    await run.elapse(8_000)
    expect(tableOf(one!).peek('damper/0', '8')?.value).toBeUndefined()
    expect(run.found).toEqual([])
  })

  it('find a read that tells something else than is held', async () => {
    const { run, one } = await running(new SessionGuarantees())
    await twoWrites(run, one)
    const { writer, atMs } = one.open!.points.get('lamp')!
    const read = { host: one.name, space: state, path: 'lamp', slot: '' }
    run.history.add('read', { ...read, atMs: run.nowMs, found: { writer, atMs, value: 'second' } })
    expect(run.found).toEqual([])
    run.history.add('read', { ...read, atMs: run.nowMs, found: { writer, atMs, value: 'first' } })
    expect(run.found).toEqual(['session-guarantees: a read tells something else'])
  })
})

describe('the reference model', () => {
  it('finds a counter that is not exact', async () => {
    const { run, one } = await running(new ReferenceModel())
    const increment = (): void => {
      const { dot } = one.open!.points.counter('kwh').increment(2)
      run.history.add('incremented', { atMs: run.nowMs, host: one.name, space: state, path: 'kwh', by: 2, dot })
    }
    increment()
    increment()
    await run.elapse(2_000)
    one.open!.points.counter('kwh').increment(1)
    await run.finish()
    expect(run.found[0]).toBe('reference-model: a counter is too high')
  })

  it('finds a set that shows what was not added', async () => {
    const { run, one } = await running(new ReferenceModel())
    one.open!.points.elements('tags').add('a')
    await run.elapse(2_000)
    vi.spyOn(RegisterSet.prototype, 'values').mockReturnValue(['a', 'b'])
    await run.finish()
    expect(run.found[0]).toBe('reference-model: a set differs')
  })

  it('finds a priority array that shows the wrong level', async () => {
    const { run, one } = await running(new ReferenceModel())
    const light = one.open!.points.priority('light')
    light.write(8, 10)
    light.write(3, 20)
    await run.elapse(2_000)
    const get = vi.spyOn(RegisterTable.prototype, 'get')
    get.mockImplementation(function (this: RegisterTable, path, slot) {
      return slot === '3' ? undefined : this.peek(path, slot)
    })
    await run.finish()
    expect(run.found[0]).toBe('reference-model: a priority array differs')
  })

  it('finds a stamp that no clock accounts for', async () => {
    const { run, one } = await running(new ReferenceModel())
    one.open!.points.set('lamp', 1)
    await run.elapse(1_000)
    const table = tableOf(one)
    table.hlc.observe(hlcFromMs(table.trusted.nowMs() + 60_000))
    one.open!.points.set('lamp', 2)
    await run.elapse(1_000)
    expect(run.found).toEqual(['reference-model: a stamp ahead of every clock'])
  })

  it('finds a node that goes by its own clock, whatever its peers say', async () => {
    for (const goes of ['by its own', 'by the median']) {
      const { run, one } = await running(new ReferenceModel())
      if (goes === 'by its own') one.open!['replica']!.trusted['agreed'] = offsets => offsets.at(-1)!
      one.time.jump(3_600_000)
      await run.elapse(10_000)
      expect(run.found).toEqual(goes === 'by its own' ? ['reference-model: own clock believed'] : [])
    }
  })

  it('finds a write of the future that is obeyed', async () => {
    const { run, one, two } = await running(new ReferenceModel())
    await twoWrites(run, one)
    force(two, 'lamp', { time: hlcFromMs(tableOf(two).trusted.nowMs() + 3_600_000) })
    await run.elapse(1_000)
    expect(run.found).toEqual(['reference-model: the future was obeyed'])
  })

  it('finds what is held back though its time has come', async () => {
    const { run, one, two } = await running(new ReferenceModel())
    await twoWrites(run, one)
    vi.spyOn(RegisterTable.prototype, 'advance').mockReturnValue()
    const table = tableOf(two)
    const held = changed(table.peek('lamp')!, { time: hlcFromMs(table.trusted.nowMs() + 30_000) })
    for (const { open } of run.nodes) {
      const each = open!.space('state').replica.table
      each['holdings'].placeShadow({ ...held, writer: each.writer(held.writer.key) }, 1)
    }
    await run.finish()
    expect(run.found).toContain('reference-model: held back too long')
  })
})

describe('documents', () => {
  async function notes(): Promise<Awaited<ReturnType<typeof running>>> {
    const world = await running(new DocumentsEqual())
    const document = world.one.open!.document('notes')
    document.doc.getArray('list').push(['milk'])
    for (const { open } of [world.two, world.three]) void open!.document('notes').loaded
    await world.run.elapse(5_000)
    return world
  }

  it('find content that differs', async () => {
    const { run, two } = await notes()
    const [item] = two.open!.document('notes').doc.store.clients.values().next().value as unknown as {
      content: { arr: unknown[] }
    }[]
    item!.content.arr[0] = 'bread'
    await run.finish()
    expect(run.found).toEqual(['documents-equal: not equal: yjs'])
  })

  it('find structs that wait for ever', async () => {
    const { run, two } = await notes()
    two.open!.document('notes').doc.store.pendingStructs = { missing: new Map([[1, 1]]), update: new Uint8Array() }
    await run.finish()
    expect(run.found).toEqual(['documents-equal: pending structs: yjs'])
  })

  it('find an acknowledged edit that is gone, unless the disks that it rested on were harmed', async () => {
    const { run, one } = await notes()
    const edit = { atMs: run.nowMs, host: one.name, space: state, document: 'notes', engine: 'yjs' as const, adds: 'butter' }
    run.history.add('editAcknowledged', { atMs: run.nowMs, host: one.name, edit, level: 'local' })
    await run.finish()
    expect(run.found).toEqual(['documents-equal: an acknowledged edit is gone: yjs, local'])
  })
})

describe('convergence', () => {
  it('finds a node that stays behind', async () => {
    const { run, one, two } = await running(new Convergence())
    two.open!.isolate(() => true)
    two.open!.setTrunkEnabled(false)
    one.open!.points.set('lamp', 1)
    await run.finish()
    expect(run.found).toEqual(['convergence: not equal in time: other coverage'])
  })
})

describe('bounded growth', () => {
  it('finds a queue beyond its limit', async () => {
    const { run, one } = await running(new BoundedGrowth())
    const [peer] = one.open!['replica']!.peers()
    const { session } = peer!
    session.poll = () => undefined
    session.receive = () => undefined
    for (let i = 0; i < 600; i++) session['control'].push({ kind: 14, body: new Uint8Array() })
    await run.elapse(2_000)
    expect(run.found).toEqual(['bounded-growth: too many control frames'])
  })

  it('finds writers, rings and logs that nothing accounts for', async () => {
    const writers = await running(new BoundedGrowth())
    const table = tableOf(writers.two)
    const { node } = table
    table.set('lamp', 1)
    for (let i = 0; i < 60; i++) table.writer(`${node}~${(0x20000000000000 + i).toString(16)}${'0'.repeat(8)}`)
    await writers.run.finish()
    expect(writers.run.found).toEqual(['bounded-growth: grows without bound: writers'])

    const rings = await running(new BoundedGrowth())
    const name = tableOf(rings.one).node
    for (let i = 0; i < 40; i++) tableOf(rings.one).set(`@heal/${name}/${i}`, 1)
    await rings.run.finish()
    expect(rings.run.found).toEqual(['bounded-growth: grows without bound: a ring'])

    const logs = await running(new BoundedGrowth())
    tableOf(logs.two).set('lamp', 1)
    const { persister } = logs.two.open!.space('state').replica
    Object.defineProperty(persister, 'logSize', { get: () => ({ totalBytes: 10_000_000, liveBytes: 1, records: 1 }) })
    await logs.run.finish()
    expect(logs.run.found).toEqual(['bounded-growth: grows without bound: the log'])
  })
})

describe('residency', () => {
  it('finds a space that is named on a trunk', async () => {
    const attach = Replica.prototype.attach
    vi.spyOn(Replica.prototype, 'attach').mockImplementation(function (this: Replica, connection, options) {
      return attach.call(this, connection, { ...options, admits: () => true })
    })
    const { run } = await running(new Residency())
    await run.elapse(5_000)
    expect(run.found).toEqual(['residency: left its building: on a trunk'])
  })

  it('finds its content in a space that goes to the relay', async () => {
    const { run, one } = await running(new Residency())
    one.open!.space('local').points.set('door', canaryText)
    await run.elapse(1_000)
    expect(run.found).toEqual([])
    one.open!.points.set('door', canaryText)
    await run.elapse(5_000)
    expect(run.found[0]).toMatch(/^residency: left its building: (on a trunk|in a table of the relay)$/)
  })

  it('finds it on the relay’s disk', async () => {
    const { run, one } = await running(new Residency())
    one.open!.space('local').points.set('door', canaryText)
    one.open!.points.set('lamp', 1)
    await run.elapse(5_000)
    const { relay } = run.world
    relay.kill()
    const image = relay.disk.snapshot()
    relay.disk.restore({ ...image, entries: image.entries.set('stranger', new TextEncoder().encode(`xx${canaryText}`)) })
    await run.finish()
    expect(run.found).toEqual(['residency: left its building: on the relay’s disk'])
  })
})

describe('conflicts', () => {
  it('find one that no log names', async () => {
    const { run, one, two, three } = await running(new ConflictsRecorded())
    vi.spyOn(ConflictLog.prototype, 'record').mockReturnValue()
    cutOff(run, one.name, two.name, three.name)
    await run.elapse(5_000)
    one.open!.points.set('lamp', 'on')
    two.open!.points.set('lamp', 'off')
    await run.finish()
    expect(run.found).toEqual(['conflicts-recorded: a conflict not in the log'])
  })

  it('find one that no heal report counts', async () => {
    const { run, one, two, three } = await running(new ConflictsRecorded())
    cutOff(run, one.name, two.name, three.name)
    await run.elapse(5_000)
    one.open!.points.set('lamp', 'on')
    two.open!.points.set('lamp', 'off')
    await run.elapse(2_000)
    for (const { open } of run.nodes) open!.space('state').replica.caughtUp = () => undefined
    run.world.relay.open!['replica']!.space(state).caughtUp = () => undefined
    await run.finish()
    expect(run.found).toEqual(['conflicts-recorded: a conflict in no heal report'])
  })
})
