/**
 * What a node makes of bad input from its services, of directories and ports that it can't have, of clocks that are hours apart, and
 * of a relay that is slow or restarts: each through `openSite`. The list is in packages/FAULTS.md.
 */
import { execFile } from 'node:child_process'
import { open as openFile, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger, spaceId, systemClock, type Clock, type ConnectionHandlers } from '@selvedge/core'
import { dialTrunk } from '@selvedge/network'
import { MemoryDisk } from '@selvedge/store'
import { openSite } from './open-site.js'
import type { Site } from './site.js'
import type { SiteOptions, SiteSystem } from './site-options.js'
import { nodeSystem } from './system/node-system.js'
import { fillUp, mountSmallDisk } from '../../store/src/testing/small-disk.js'
import { WrappedConnection } from '../../network/src/testing/wrapped-connection.js'
import { bareRelay, building, directory, open, until, type BareRelay, type Building, type points } from './testing/building.js'

const run = promisify(execFile)
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A node alone, without definitions of points: any path and any value that a register holds. */
async function openAlone(more: Partial<SiteOptions> = {}): Promise<{ site: Site; place: Building }> {
  const place = await building(['hq-1'])
  return { place, site: await openIn(place, more) }
}

async function openIn(place: Building, more: Partial<SiteOptions> = {}): Promise<Site> {
  const site = await openSite({
    site: 'hq',
    dataDir: place.dirs[0]!,
    roster: place.roster,
    mesh: false,
    control: false,
    log: silentLogger,
    ...more
  })
  cleanups.push(() => site.close())
  return site
}

function codeOf(fn: () => unknown): string | undefined {
  try {
    fn()
    return undefined
  } catch (error) {
    expect((error as Error).message).not.toBe('')
    return (error as { code?: string }).code
  }
}

describe('what a service writes', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  const deep = Array.from({ length: 100 }).reduce<unknown>(inner => [inner], 1)
  const badValues: Record<string, [unknown, string]> = {
    NaN: [Number.NaN, 'VALUE_INVALID'],
    Infinity: [Number.POSITIVE_INFINITY, 'VALUE_INVALID'],
    'NaN inside': [{ reading: [1, Number.NaN] }, 'VALUE_INVALID'],
    undefined: [undefined, 'VALUE_INVALID'],
    'a function': [() => 1, 'VALUE_INVALID'],
    'a symbol': [Symbol('x'), 'VALUE_INVALID'],
    'a bigint': [1n, 'VALUE_INVALID'],
    'a date': [new Date(0), 'VALUE_INVALID'],
    'a map': [new Map(), 'VALUE_INVALID'],
    'a cycle': [cyclic, 'VALUE_INVALID'],
    'half a character': ['\ud800', 'VALUE_INVALID'],
    'what is nested too deep': [deep, 'VALUE_INVALID'],
    'more than 64 KiB': ['x'.repeat(65_537), 'VALUE_TOO_LARGE']
  }
  const badPaths: Readonly<Record<string, string>> = {
    empty: '',
    'with an empty segment': 'a//b',
    'that begins with a slash': '/a',
    'with a control character': 'a/\u0000',
    'with half a character': 'a/\ud800',
    'of more than 512 bytes': 'ü'.repeat(257),
    "of Selvedge's own": '@doc/notes'
  }

  it('a value that no register holds is refused by name, and nothing of its batch is made', async () => {
    const { site } = await openAlone()
    site.points.set('a', 1)
    for (const [name, [value, code]] of Object.entries(badValues)) {
      expect(
        codeOf(() => site.points.set('a', value as never)),
        name
      ).toBe(code)
      const batch = (): unknown =>
        site.points.batch(writer => {
          writer.set('b', 2)
          writer.set('c', value as never)
        })
      expect(codeOf(batch), name).toBe(code)
    }
    expect(site.points.get('a')?.value).toBe(1)
    expect([...site.points.list()].map(({ path }) => path)).toEqual(['a'])
    await site.points.set('a', 3).durable('local')
  })

  it('a path that names no point is refused, as is an id that names no document', async () => {
    const { site } = await openAlone()
    for (const [name, path] of Object.entries(badPaths)) {
      expect(
        codeOf(() => site.points.set(path, 1)),
        name
      ).toBe('PATH_INVALID')
      expect(
        codeOf(() => site.document(path)),
        name
      ).toBe('ID_INVALID')
    }
    expect([...site.points.list()]).toEqual([])
  })

  it('a value out of the bounds of its definition is refused, with the path and the bounds', async () => {
    const place = await building(['hq-1'])
    const site = await open(place, 0, { mesh: false })
    expect(() => site.points.set('ahu/1/supply-temp', 121)).toThrow(expect.objectContaining({ code: 'POINT_REFUSED' }))
    expect(() => site.points.set('ahu/1/supply-temp', 121)).toThrow(/ahu\/1\/supply-temp.*120/)
    expect(site.points.get('ahu/1/supply-temp')).toBeUndefined()
  })
})

describe('a data directory', () => {
  it('that is missing is made', async () => {
    const place = await building(['hq-1'])
    const dataDir = join(await directory(), 'not', 'there', 'yet')
    const key = nodeSystem.loadKey(place.dirs[0]!, silentLogger)
    const site = await openIn(place, { dataDir, system: { ...nodeSystem, loadKey: () => key } })
    await site.points.set('a', 1).durable('local')
    expect(await readdir(dataDir)).toContain('store')
  })

  it('that is a file is refused, with its name', async () => {
    const place = await building(['hq-1'])
    const file = join(await directory(), 'data')
    await writeFile(file, 'not a directory')
    await expect(openIn(place, { dataDir: file })).rejects.toMatchObject({ code: 'KEY_UNREADABLE' })
    await expect(openIn(place, { dataDir: file })).rejects.toThrow(file)
    const key = nodeSystem.loadKey(place.dirs[0]!, silentLogger)
    const opening = openIn(place, { dataDir: file, system: { ...nodeSystem, loadKey: () => key } })
    await expect(opening).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
  })

  it('that can only be read is refused, with its name', async context => {
    const place = await building(['hq-1'])
    const dir = await mountSmallDisk(context, afterwards)
    const mounted: Building = { ...place, dirs: [dir] }
    await writeFile(join(dir, 'node.key'), nodeSystem.loadKey(place.dirs[0]!, silentLogger).toPem(), { mode: 0o600 })
    const site = await openIn(mounted)
    await site.points.set('a', 1).durable('local')
    await site.close()
    await run('mount', ['-o', 'remount,ro', dir])
    await expect(openIn(mounted)).rejects.toMatchObject({ code: 'STORE_UNUSABLE' })
    await expect(openIn(mounted)).rejects.toThrow(dir)
    await run('mount', ['-o', 'remount,rw', dir])
    expect((await openIn(mounted)).points.get('a')?.value).toBe(1)
  })

  it('whose disk is full lets the node start: it works in memory, with its peers, and stores all once there is room', async context => {
    const place = await building(['hq-1', 'hq-2'])
    const dir = await mountSmallDisk(context, afterwards, '96m')
    await writeFile(join(dir, 'node.key'), nodeSystem.loadKey(place.dirs[0]!, silentLogger).toPem(), { mode: 0o600 })
    const long = 'x'.repeat(50_000)
    const text = (site: Site): string => site.document('notes').doc.getText('t').toJSON()
    const before = await openIn(place, { dataDir: dir })
    for (let i = 0; i < 40; i++) await before.points.set(`before/${i}`, long).durable('local')
    before.document('notes').doc.getText('t').insert(0, 'before')
    await before.document('notes').flushed()
    await before.close()
    const filler = join(dir, 'filler')
    await fillUp(filler)

    const mesh = { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false }
    const neighbour = await openIn(place, { dataDir: place.dirs[1]!, mesh })
    const site = await openIn(place, { dataDir: dir, mesh: { ...mesh, peers: neighbour.addresses }, control: true })
    await until(() => site.health.alarms.some(({ code }) => code === 'STORE_FULL'), 'the alarm')
    expect(site.points.get('before/39')?.value).toBe(long)
    await until(() => text(site) === 'before', 'the document')
    const write = site.points.set('during', 1)
    let stored = false
    const local = write.durable('local').then(() => (stored = true))
    neighbour.points.set('elsewhere', 2)
    await write.durable('site')
    await until(() => site.points.get('elsewhere')?.value === 2, 'what the neighbour wrote')
    expect(neighbour.points.get('during')?.value).toBe(1)
    expect(stored).toBe(false)
    expect(site.health.state).toBe('degraded')

    await rm(filler)
    await local
    await until(() => site.health.state === 'ok', 'the health')
    await site.close()
    await neighbour.close()
    const again = await openIn(place, { dataDir: dir })
    expect(again.health.alarms).toEqual([])
    expect(again.points.get('during')?.value).toBe(1)
    expect(again.points.get('elsewhere')?.value).toBe(2)
    for (let i = 0; i < 40; i++) expect(again.points.get(`before/${i}`)?.value).toBe(long)
    await until(() => text(again) === 'before', 'the document')
  })

  it('that another node has is refused, and the other goes on', async () => {
    const { site, place } = await openAlone()
    await expect(openIn(place)).rejects.toMatchObject({ code: 'STORE_LOCKED' })
    await site.points.set('a', 1).durable('local')
  })

  it('whose key or roster is no such thing is refused, with the file', async () => {
    const place = await building(['hq-1'])
    await writeFile(join(place.dirs[0]!, 'node.key'), 'no key')
    await expect(openIn(place)).rejects.toMatchObject({ code: 'KEY_INVALID' })
    const other = await building(['hq-1'])
    const roster = join(other.dirs[0]!, 'roster.json')
    await expect(openIn(other, { roster })).rejects.toMatchObject({ code: 'ROSTER_UNREADABLE' })
    await writeFile(roster, '{"site": 7}')
    await expect(openIn(other, { roster })).rejects.toMatchObject({ code: 'ROSTER_INVALID' })
    await expect(openIn(other, { roster })).rejects.toThrow(roster)
  })

  it('that is partly corrupt raises an alarm, and the node gets back from its peers what it lost', async () => {
    const place = await building(['hq-1', 'hq-2'])
    const first = await open(place, 0)
    const second = await open(place, 1, { mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], peers: meshOf(first), mdns: false } })
    for (let i = 0; i < 200; i++) second.points.set(`ahu/${i}/supply-temp`, i % 100)
    await second.points.set('ahu/last/supply-temp', 7).durable('site')
    await second.close()
    await spoil(join(place.dirs[1]!, 'store'))
    const again = await open(place, 1, { mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false } })
    expect(again.health.alarms.map(({ code }) => code)).toContain('STORE_LOSS')
    // Only now it meets its peer: everything comes from there.
    await first.close()
    const met = await open(place, 0, { mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], peers: meshOf(again), mdns: false } })
    await until(() => [...again.points.list('ahu/*/supply-temp')].length === 201, 'all points to be back')
    await until(() => again.health.alarms.every(({ code }) => code !== 'STORE_LOSS'), 'the alarm to go')
    await until(() => hashOf(again) === hashOf(met), 'equal hashes')
    expect(again.status().spaces.map(({ divergences }) => divergences)).toEqual([0, 0, 0])
  })
})

describe('a port', () => {
  it('of the mesh that is in use is told with its address, and nothing is left open', async () => {
    const place = await building(['hq-1'])
    const taken = createTcpServer()
    await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => taken.close())
    const { port } = taken.address() as AddressInfo
    const opening = open(place, 0, { mesh: { listen: [`/ip4/127.0.0.1/tcp/${port}`], mdns: false } })
    await expect(opening).rejects.toMatchObject({ code: 'MESH_LISTEN_FAILED' })
    await expect(opening).rejects.toThrow(String(port))
    const site = await open(place, 0)
    await site.points.set('ahu/1/supply-temp', 20).durable('local')
  })
})

describe('clocks', () => {
  it('of nodes hours apart are named, and every node reads every write, the newest last', async () => {
    const place = await building(['hq-1', 'hq-2', 'hq-3'])
    const hoursMs = 3_600_000
    const at = (offsetMs: number): SiteSystem => {
      const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + offsetMs }
      return { ...nodeSystem, clock }
    }
    const mesh = (...sites: Site<typeof points>[]) => ({
      listen: ['/ip4/127.0.0.1/tcp/0'],
      peers: sites.flatMap(meshOf),
      mdns: false
    })
    const right = await open(place, 0)
    const ahead = await open(place, 1, { mesh: mesh(right), system: at(5 * hoursMs) })
    const behind = await open(place, 2, { mesh: mesh(right, ahead), system: at(-3 * hoursMs) })
    const sites = [right, ahead, behind]
    await until(() => sites.every(site => site.status().clock.peers === 2), 'all to hear each other')
    for (const [i, site] of [ahead, behind, right, ahead, behind].entries()) {
      site.points.set('ahu/1/supply-temp', i)
      await until(() => sites.every(reader => reader.points.get('ahu/1/supply-temp')?.value === i), `write ${i} everywhere`)
    }
    for (const site of sites) {
      expect(site.space('state').heldBack()).toEqual([])
      expect(Math.abs(site.points.get('ahu/1/supply-temp')!.atMs - Date.now())).toBeLessThan(300_000)
    }
    const told = (site: Site<typeof points>): string => site.health.alarms.map(({ message }) => message).join()
    await until(() => /hq-2.*hq-3|hq-3.*hq-2/.test(told(right)), 'the two clocks to be named')
    expect(right.health.alarms.every(({ code }) => code === 'CLOCK_SKEW')).toBe(true)
  })
})

describe('a relay', () => {
  it('behind a slow link holds nothing up, and what is overwritten meanwhile is sent once', async () => {
    const place = await building(['hq-1'])
    const relay = await bareRelay(place)
    let slow: SlowConnection | undefined
    const site = await open(place, 0, {
      mesh: false,
      trunk: { url: relay.url },
      system: { ...nodeSystem, dialTrunk: async options => (slow = new SlowConnection(await dialTrunk(options))) }
    })
    await site.points.set('ahu/1/supply-temp', 0).durable('relay')
    const before = slow!.bytesOut
    for (let i = 0; i < 20_000; i++) site.points.set(`ahu/${i % 100}/supply-temp`, i % 97)
    const receipt = site.points.set('ahu/1/supply-temp', 99)
    await receipt.durable('local')
    await receipt.durable('relay')
    // 20,000 writes of 100 points: a few dozen bytes a point, not a write.
    expect(slow!.bytesOut - before).toBeLessThan(20_000)
    expect(valueAt(relay, 'ahu/1/supply-temp')).toBe(99)
  })

  it('that restarts is found again by itself, and nothing that it acknowledged or missed is lost', async () => {
    const place = await building(['hq-1'])
    const disk = new MemoryDisk()
    const first = await bareRelay(place, { disk })
    const site = await open(place, 0, {
      mesh: false,
      trunk: { url: first.url },
      election: { settleMs: 10, backoffMaxMs: 50 }
    })
    await site.points.set('ahu/1/supply-temp', 1).durable('relay')
    await first.close()
    const missed = site.points.set('ahu/2/supply-temp', 2)
    await missed.durable('local')
    expect(site.points.get('ahu/2/supply-temp')?.reached).toBe('local')
    const second = await bareRelay(place, { disk, port: first.port })
    expect(valueAt(second, 'ahu/1/supply-temp')).toBe(1)
    await missed.durable('relay')
    expect(valueAt(second, 'ahu/2/supply-temp')).toBe(2)
  })
})

function valueAt({ replica }: BareRelay, path: string): unknown {
  return replica.space(spaceId('hq/state')).table.get(path)?.value
}

function meshOf(site: Site<typeof points>): readonly string[] {
  return site.status().mesh?.addresses ?? []
}

function hashOf(site: Site<typeof points>): string | undefined {
  return site.status().spaces.find(({ space }) => space === 'hq/state')?.hash
}

/** Changes bytes in the middle of the largest file of a closed store. */
async function spoil(store: string): Promise<void> {
  let largest: { path: string; size: number } | undefined
  for (const name of await readdir(store)) {
    const path = join(store, name)
    const file = await openFile(path)
    const { size } = await file.stat()
    await file.close()
    if (/\.(log|ldb)$/.test(name) && size > (largest?.size ?? 0)) largest = { path, size }
  }
  const file = await openFile(largest!.path, 'r+')
  await file.write(Buffer.alloc(64, 0xa5), 0, 64, largest!.size >> 1)
  await file.close()
}

const afterwards = (cleanup: () => unknown): void => void cleanups.push(cleanup)

/** Takes one frame at a time, and says only after a while that there is room for the next. */
class SlowConnection extends WrappedConnection {
  private drain: () => void = () => undefined

  override send(frame: Uint8Array): boolean {
    super.send(frame)
    setTimeout(() => this.drain(), 50)
    return false
  }

  override attach(handlers: ConnectionHandlers): void {
    this.drain = () => handlers.drain()
    super.attach(handlers)
  }
}
