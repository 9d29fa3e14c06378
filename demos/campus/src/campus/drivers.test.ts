import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger, siteId } from '@selvedge/core'
import { loadNodeKey, Roster } from '@selvedge/network'
import { openSite, type Site } from '@selvedge/site'
import { campusPoints, Plant, type CampusPoints } from '../plant/index.js'
import { startDrivers, type Drivers } from './drivers.js'

const closers: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'selvedge-drivers-'))
  closers.push(() => rm(path, { recursive: true, force: true }))
  return path
}

interface Node {
  readonly site: Site<CampusPoints>
  readonly drivers: Drivers
  close(): Promise<void>
}

/** Nodes of one building, meshed over loopback. */
async function building(count: number, trace?: string): Promise<Node[]> {
  const dirs = await Promise.all(Array.from({ length: count }, () => directory()))
  const roster = new Roster(
    siteId('b'),
    dirs.map((dir, i) => ({ name: `b-${i + 1}`, node: loadNodeKey(join(dir, 'node.key')).key.node }))
  )
  const sites: Site<CampusPoints>[] = []
  for (const dataDir of dirs) {
    const mesh = { listen: ['/ip4/127.0.0.1/tcp/0'], peers: sites.flatMap(({ addresses }) => addresses), mdns: false }
    const site = await openSite({
      site: 'b',
      dataDir,
      roster,
      points: campusPoints,
      mesh: count > 1 && mesh,
      control: false,
      log: silentLogger
    })
    closers.push(() => site.close())
    sites.push(site)
  }
  const drivers = await Promise.all(sites.map((site, place) => startDrivers(site, { site: 'b', place, places: count, trace })))
  return sites.map((site, i) => {
    closers.push(() => drivers[i]!.close())
    return {
      site,
      drivers: drivers[i]!,
      async close() {
        drivers[i]!.close()
        await site.close()
      }
    }
  })
}

/** Resolves with the first change that fits. */
function changed(site: Site<CampusPoints>, pattern: string, fits: (value: unknown, writer: string) => boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${site.name} waited in vain for a change of ${pattern}`)), 20_000)
    const unwatch = site.points.watch(
      pattern,
      ({ value, writer }) => {
        if (!fits(value, writer)) return
        clearTimeout(timer)
        unwatch()
        resolve(value)
      },
      { initial: false }
    )
  })
}

describe('three nodes', () => {
  it('share the 300 points, and control across the mesh', async () => {
    const nodes = await building(3)
    const [one, two, three] = nodes as [Node, Node, Node]
    // Wing 1 is driven by the first node and controlled by the second.
    const damper = changed(three.site, 'zone/1/damper', (_, writer) => writer === two.site.node)
    one.site.points.set('zone/1/setpoint', 30)
    await damper
    const readings = new Plant({
      building: 'b',
      random: {
        uint32: () => 0,
        float: () => 0,
        bytes: n => new Uint8Array(n),
        fork: function fork() {
          return this
        }
      }
    }).points
    expect(readings.filter(({ path, role }) => role !== 'total' && three.site.points.get(path) === undefined)).toEqual([])
    expect(three.site.points.get('zone/1/temp')?.writer).toBe(one.site.node)
    expect(three.site.points.get('zone/11/temp')?.writer).toBe(two.site.node)
    for (const { drivers } of nodes) {
      const { loops, writes, loopMs } = drivers.counts()
      expect(loops).toBeGreaterThan(0)
      expect(writes).toBeGreaterThan(0)
      expect(loopMs.length).toBeGreaterThan(0)
      expect(loopMs.every(ms => ms >= 0 && ms < 5_000)).toBe(true)
    }
  })

  it('take over the loops of one that is gone', async () => {
    const [one, two, three] = (await building(3)) as [Node, Node, Node]
    await changed(one.site, 'zone/1/temp', () => true)
    await two.close()
    const damper = changed(one.site, 'zone/1/damper', (_, writer) => writer === three.site.node)
    one.site.points.set('zone/1/setpoint', 30)
    await damper
  })

  it('write nothing while they are stopped', async () => {
    const [one, two, three] = (await building(3)) as [Node, Node, Node]
    await changed(one.site, 'zone/11/temp', () => true)
    for (const { drivers } of [one, two, three]) drivers.setRunning(false)
    const before = [one, two, three].map(({ drivers }) => drivers.counts().writes)
    two.site.points.set('zone/1/setpoint', 30)
    await changed(one.site, 'zone/1/setpoint', value => value === 30)
    one.site.points.set('zone/1/temp', 12)
    await changed(two.site, 'zone/1/temp', value => value === 12)
    expect([one, two, three].map(({ drivers }) => drivers.counts().writes)).toEqual(before)
    two.drivers.setRunning(true)
    one.drivers.setRunning(true)
    await changed(two.site, 'zone/1/temp', value => value !== 12)
  })
})

describe('one node', () => {
  it('drives and controls all by itself, and keeps badges out of the cloud', async () => {
    const [only] = (await building(1)) as [Node]
    await changed(only.site, 'zone/30/temp', () => true)
    expect(only.drivers.counts().loops).toBeGreaterThan(0)
    expect(only.drivers.counts().loopMs).toEqual([])
    await changed(only.site, 'door/*/open', value => value === true)
    const badges = [...only.site.space('local').points.list('badge/**')]
    expect(badges.map(({ path }) => path)).toEqual(['badge/b-1/last-reader'])
    expect([...only.site.points.list('badge/**')]).toEqual([])
  })

  it('answers what a device can not do with what it does', async () => {
    const [only] = (await building(1)) as [Node]
    const setpoint = only.site.points.get('zone/1/setpoint')?.value
    expect(setpoint).toBe(21.5)
    const answered = changed(only.site, 'zone/1/setpoint', value => value === 21.5)
    only.site.points.delete('zone/1/setpoint')
    only.site.space('state').points.set('zone/1/setpoint', 'warm')
    await expect(answered).resolves.toBe(21.5)
  })

  it('plays a trend export, over and over', async () => {
    const file = join(await directory(), 'export.csv')
    await writeFile(file, 'Datetime,AHU: Supply Air \n8/28/2007 0:00,1\n8/28/2007 0:01,2\n8/28/2007 0:02,3\n')
    const [only] = (await building(1, file)) as [Node]
    await changed(only.site, 'trace/ahu-supply-air', value => value === 3)
    await changed(only.site, 'trace/ahu-supply-air', value => value === 1)
    await changed(only.site, 'trace/ahu-supply-air', value => value === 2)
    expect(only.drivers.counts().traceRows).toBeGreaterThanOrEqual(5)
  })

  it('refuses a trend export that is not there', async () => {
    await expect(building(1, join(await directory(), 'none.csv'))).rejects.toThrow(
      expect.objectContaining({ code: 'TRACE_UNREADABLE' })
    )
  })
})
