import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { seededRandom, silentLogger, siteId } from '@selvedge/core'
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

/** Nodes of one building, meshed over loopback, each with its drivers; `sites` may have one more that knows no schema. */
async function building(
  count: number,
  options: { trace?: string; stranger?: boolean } = {}
): Promise<{ nodes: Node[]; sites: Site<CampusPoints>[] }> {
  const dirs = await Promise.all(Array.from({ length: count + (options.stranger ? 1 : 0) }, () => directory()))
  const entries = dirs.map((dir, i) => ({ name: `b-${i + 1}`, node: loadNodeKey(join(dir, 'node.key')).key.node }))
  const roster = new Roster(siteId('b'), entries)
  const sites: Site<CampusPoints>[] = []
  for (const [i, dataDir] of dirs.entries()) {
    const mesh = { listen: ['/ip4/127.0.0.1/tcp/0'], peers: sites.flatMap(({ addresses }) => addresses), mdns: false }
    const schema = i < count ? { points: campusPoints } : {}
    const site = await openSite({
      site: 'b',
      dataDir,
      roster,
      ...schema,
      mesh: dirs.length > 1 && mesh,
      control: false,
      log: silentLogger
    })
    closers.push(() => site.close())
    sites.push(site)
  }
  const trace = options.trace
  const starting = sites.slice(0, count).map((site, place) => startDrivers(site, { site: 'b', place, places: count, trace }))
  const nodes = (await Promise.all(starting)).map((drivers, i) => {
    const site = sites[i]!
    closers.push(() => drivers.close())
    const close = async (): Promise<void> => {
      drivers.close()
      await site.close()
    }
    return { site, drivers, close }
  })
  return { nodes, sites }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** Resolves with the first change that fits. */
function changed(site: Site<CampusPoints>, pattern: string, fits: (value: unknown, writer: string) => boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${site.name} waited in vain for a change of ${pattern}`)), 60_000)
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

/** Asks for so much in wing 1 that its air handler must act. */
function warmUp(site: Site<CampusPoints>): void {
  for (let zone = 1; zone <= 10; zone++) site.points.set(`zone/${zone}/setpoint`, 30)
}

describe('three nodes', () => {
  it('share the 300 points, and control across the mesh', async () => {
    const { nodes } = await building(3)
    const [one, two, three] = nodes as [Node, Node, Node]
    // Wing 1 is driven by the first node and controlled by the second.
    const controlled = changed(three.site, 'ahu/1/supply-setpoint', (_, writer) => writer === two.site.node)
    warmUp(one.site)
    await controlled
    const plain = new Plant({ building: 'b', random: seededRandom(1) }).points.filter(({ role }) => role !== 'total')
    for (const { site } of nodes)
      await until(() => plain.every(({ path }) => site.points.get(path) !== undefined), `every point on ${site.name}`)
    await until(
      () => [1, 2, 3, 4, 5].every(meter => three.site.points.counter(`meter/${meter}/energy-kwh`).value > 0),
      'the meters'
    )
    expect(three.site.points.get('zone/1/temp')?.writer).toBe(one.site.node)
    expect(three.site.points.get('zone/11/temp')?.writer).toBe(two.site.node)
    for (const { drivers, site } of nodes) {
      await until(() => drivers.counts().loopMs.length > 20, `loops on ${site.name}`)
      const { loops, writes, loopMs } = drivers.counts()
      expect(loops).toBeGreaterThanOrEqual(loopMs.length)
      expect(writes).toBeGreaterThan(0)
      expect(loopMs.every(ms => ms >= 0 && ms <= 5_000)).toBe(true)
    }
  })

  it('take over the loops of one that is gone', async () => {
    const [one, two, three] = (await building(3)).nodes as [Node, Node, Node]
    await changed(one.site, 'zone/1/temp', () => true)
    await two.close()
    const controlled = changed(one.site, 'ahu/1/supply-setpoint', (_, writer) => writer === three.site.node)
    warmUp(one.site)
    await controlled
  })

  it('write nothing while they are stopped', async () => {
    const [one, two, three] = (await building(3)).nodes as [Node, Node, Node]
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
    const [only] = (await building(1)).nodes as [Node]
    await changed(only.site, 'zone/30/temp', () => true)
    expect(only.drivers.counts().loops).toBeGreaterThan(0)
    expect(only.drivers.counts().loopMs).toEqual([])
    await changed(only.site, 'door/*/open', value => value === true)
    const badges = [...only.site.space('local').points.list('badge/**')]
    expect(badges.map(({ path }) => path)).toEqual(['badge/b-1/last-reader'])
    expect([...only.site.points.list('badge/**')]).toEqual([])
  })

  it('answers a command that a device can not do with how it stands', async () => {
    const { nodes, sites } = await building(1, { stranger: true })
    const [only] = nodes as [Node]
    const stranger = sites[1]!.space('state').points
    await until(() => stranger.get('zone/1/setpoint')?.value === 21.5, 'the setpoint')
    const answered = changed(sites[1]!, 'zone/1/setpoint', (value, writer) => value === 21.5 && writer === only.site.node)
    stranger.set('zone/1/setpoint', 'warm')
    await expect(answered).resolves.toBe(21.5)
  })

  it('plays a trend export, over and over', async () => {
    const file = join(await directory(), 'export.csv')
    await writeFile(file, 'Datetime,AHU: Supply Air \n8/28/2007 0:00,1\n8/28/2007 0:01,2\n8/28/2007 0:02,3\n')
    const [only] = (await building(1, { trace: file })).nodes as [Node]
    await changed(only.site, 'trace/ahu-supply-air', value => value === 3)
    await changed(only.site, 'trace/ahu-supply-air', value => value === 1)
    await changed(only.site, 'trace/ahu-supply-air', value => value === 2)
    expect(only.drivers.counts().traceRows).toBeGreaterThanOrEqual(5)
  })

  it('refuses a trend export that is not there', async () => {
    await expect(building(1, { trace: join(await directory(), 'none.csv') })).rejects.toThrow(
      expect.objectContaining({ code: 'TRACE_UNREADABLE' })
    )
  })
})
