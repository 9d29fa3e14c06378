import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { seededRandom, silentLogger, siteId, spaceId, systemClock, type Logger, type SpaceId } from '@selvedge/core'
import { definePoints } from '@selvedge/documents'
import { dialTrunk, loadNodeKey } from '@selvedge/network'
import { MemoryStore, openLevelStore } from '@selvedge/store'
import { certificates } from '../../network/src/testing/certificates.js'
import { testKey } from '../../network/src/testing/fixtures.js'
import {
  afterwards,
  cleanUp,
  keyOf,
  openTestNode,
  openTestRelay,
  relayKey,
  rosterOf,
  rostersOf,
  timing
} from './testing/test-sites.js'
import { openRelay } from './relay.js'
import { relayMachine } from './system/relay-machine.js'

afterEach(cleanUp)

const soon = { timeout: 60_000, interval: 5 }

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'selvedge-relay-'))
  afterwards(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function storedSpaces(dataDir: string): Promise<SpaceId[]> {
  const store = await openLevelStore({ directory: join(dataDir, 'store'), clock: systemClock })
  try {
    return await store.spaces()
  } finally {
    await store.close()
  }
}

describe('a relay', () => {
  it('synchronises a site both ways, and receipts tell how far a write got', async () => {
    const relay = await openTestRelay()
    const node = await openTestNode(relay.url!, 'hq')
    const hq = await relay.site('hq')
    const up = node.space('state').points.set('ahu/1/temp', 21.5)
    await up.durable('relay')
    expect(hq.points.get('ahu/1/temp')).toMatchObject({ value: 21.5, writerName: 'hq-1' })
    const down = hq.points.set('ahu/1/setpoint', 22)
    await down.durable('relay')
    await down.durable('site')
    expect(node.space('state').points.get('ahu/1/setpoint')).toMatchObject({ value: 22, writerName: 'relay' })
    hq.document('notes').doc.getText('text').insert(0, 'from the cloud')
    const document = node.space('state').document('notes')
    await vi.waitFor(() => expect(document.doc.getText('text').toJSON()).toBe('from the cloud'), soon)
  })

  it('opens a space when a session or a service first needs it, and gives one object a site', async () => {
    const relay = await openTestRelay({ rosters: rostersOf('hq', 'lab') })
    await relay.loaded()
    expect(relay.status().sites.map(({ site, spaces }) => [site, spaces.length])).toEqual([
      ['hq', 0],
      ['lab', 0]
    ])
    const [first, second] = await Promise.all([relay.site('hq'), relay.site('hq')])
    expect(second).toBe(first)
    expect(first.spaceNames).toEqual(['state', 'config'])
    expect(relay.status().sites.map(({ spaces }) => spaces.length)).toEqual([2, 0])
    const lab = await openTestNode(relay.url!, 'lab')
    await vi.waitFor(() => expect(lab.peer.session.spaces.every(link => link.isCaughtUp)).toBe(true), soon)
    expect(relay.status().sites.map(({ spaces }) => spaces.length)).toEqual([2, 2])
  })

  it('keeps what it has over a restart, and tells of it before its sites call', async () => {
    const dataDir = temporaryDirectory()
    const options = { dataDir, rosters: rostersOf('hq', 'lab') }
    const first = await openTestRelay(options)
    const node = await openTestNode(first.url!, 'hq')
    await node.space('state').points.set('ahu/1/temp', 21.5).durable('relay')
    await (await first.site('hq')).points.set('ahu/1/setpoint', 22).durable('local')
    await node.close()
    await first.close()

    const second = await openTestRelay(options)
    await second.loaded()
    expect(second.status().sites.map(({ site, spaces }) => [site, spaces.map(space => space.space)])).toEqual([
      ['hq', ['hq/state']],
      ['lab', []]
    ])
    const hq = await second.site('hq')
    expect(hq.points.get('ahu/1/temp')?.value).toBe(21.5)
    expect(hq.connected).toBe(false)
    expect(hq.lastSeenMs).toBeUndefined()
    const again = await openTestNode(second.url!, 'hq')
    await vi.waitFor(() => expect(again.space('state').points.get('ahu/1/setpoint')?.value).toBe(22), soon)
    expect(hq.connected).toBe(true)
  })

  it('checks points that services write against the schema, and takes what sites send as it is', async () => {
    const points = definePoints({ 'ahu/:unit/setpoint': { type: 'number', min: 10, max: 30 } })
    const system = { ...relayMachine, loadKey: () => relayKey }
    const relay = await openRelay({
      dataDir: 'memory',
      rosters: rostersOf('hq'),
      points,
      listen: { port: 0 },
      logLevel: 'error',
      timing,
      system
    })
    afterwards(() => relay.close())
    const hq = await relay.site('hq')
    hq.points.set('ahu/1/setpoint', 21)
    const node = await openTestNode(relay.url!, 'hq')
    await node.space('state').points.set('ahu/2/setpoint', 50).durable('relay')
    expect(hq.points.get('ahu/2/setpoint')?.value).toBe(50)
    expect(() => hq.points.set('ahu/1/setpoint', 50)).toThrow(expect.objectContaining({ code: 'POINT_REFUSED' }))
  })

  it('tells of sessions, of a cut, and that readings of a site that is cut off are stale', async () => {
    const relay = await openTestRelay()
    const events: string[] = []
    relay.on(event => void events.push(event.type === 'session-closed' ? `${event.type} ${event.reason.code}` : event.type))
    const node = await openTestNode(relay.url!, 'hq')
    await node.space('state').points.set('ahu/1/temp', 21.5).durable('relay')
    const hq = await relay.site('hq')
    expect(hq.points.get('ahu/1/temp')?.stale).toBeUndefined()
    const settled = { connected: true, sessions: 1, holder: 'hq-1', caughtUp: true, backlog: 0 }
    await vi.waitFor(() => expect(relay.status().sites[0]).toMatchObject(settled), soon)
    node.peer.session.close({ code: 'TRUNK_CUT', message: 'cut by the test' })
    await vi.waitFor(() => expect(hq.connected).toBe(false), soon)
    expect(hq.points.get('ahu/1/temp')?.stale).toBe('writer-gone')
    expect(hq.lastSeenMs).toBeGreaterThan(0)
    hq.points.set('ahu/1/setpoint', 22)
    expect(relay.status().sites[0]).toMatchObject({ connected: false, sessions: 0, holder: undefined })
    expect(relay.status().sites[0]!.backlog).toBeGreaterThan(0)
    expect(events.filter(event => event.startsWith('session'))).toEqual(['session-opened', 'session-closed TRUNK_CUT'])
  })

  it('merges what both sides wrote while the trunk was cut, and says which write lost', async () => {
    const relay = await openTestRelay()
    const node = await openTestNode(relay.url!, 'hq')
    const [hq, building] = [await relay.site('hq'), node.space('state')]
    await building.points.set('ahu/1/setpoint', 20).durable('relay')
    await vi.waitFor(() => expect(relay.status().sites[0]).toMatchObject({ caughtUp: true, backlog: 0 }), soon)
    node.peer.session.close({ code: 'TRUNK_CUT', message: 'cut by the test' })
    await vi.waitFor(() => expect(hq.connected).toBe(false), soon)

    const healed = new Promise(resolve => relay.on(event => event.type === 'healed' && resolve(event)))
    building.points.set('ahu/1/setpoint', 21)
    building.points.set('ahu/1/temp', 19)
    // The cloud writes in a later millisecond, and so wins.
    const writtenAtMs = building.points.get('ahu/1/temp')!.atMs
    await vi.waitFor(() => expect(systemClock.wallMs()).toBeGreaterThan(writtenAtMs + 1), soon)
    const last = hq.points.set('ahu/1/setpoint', 22)
    await node.reconnect()
    await last.durable('site')
    expect(await healed).toMatchObject({ site: 'hq', space: 'hq/state', report: { peer: node.replica.node, conflicts: 1 } })
    for (const points of [hq.points, building.points]) {
      expect(points.get('ahu/1/setpoint')?.value).toBe(22)
      expect(points.get('ahu/1/temp')?.value).toBe(19)
    }
    const [report] = hq.healReports().filter(({ by }) => by === relay.node)
    expect(report).toMatchObject({ space: 'state', conflicts: 1 })
    expect(report!.losers.map(({ path, loser, winner }) => [path, loser.value, winner.value])).toEqual([
      ['ahu/1/setpoint', 21, 22]
    ])
    expect(relay.status().sites[0]?.spaces[0]?.conflicts).toBe(1)
  })

  it('ends the older session of a node that opens another', async () => {
    const relay = await openTestRelay()
    const first = await openTestNode(relay.url!, 'hq')
    await vi.waitFor(() => expect(relay.status().sessions).toBe(1), soon)
    const second = await openTestNode(relay.url!, 'hq')
    await expect(first.ended).resolves.toMatchObject({ code: 'RELAY_SESSION_REPLACED' })
    await second.space('state').points.set('ahu/1/temp', 21.5).durable('relay')
    expect(relay.status().sessions).toBe(1)
  })

  it('serves fifty sites at once', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `site-${i}`)
    const relay = await openTestRelay({ rosters: rostersOf(...names) })
    const nodes = await Promise.all(names.map(name => openTestNode(relay.url!, name)))
    await Promise.all(nodes.map((node, i) => node.space('state').points.set('room/temp', i).durable('relay')))
    const sites = await Promise.all(names.map(name => relay.site(name)))
    expect(sites.map(site => site.points.get('room/temp')?.value)).toEqual(names.map((_, i) => i))
    await Promise.all(sites.map((site, i) => site.points.set('room/setpoint', -i).durable('site')))
    expect(nodes.map(node => node.space('state').points.get('room/setpoint')?.value)).toEqual(names.map((_, i) => 0 - i))
    expect(relay.status()).toMatchObject({ sessions: 50 })
  })
})

describe('residency and sites', () => {
  // A node that holds spaces that it must not: it offers them all, as a faulty or hostile one would.
  const greedy = { 'hq/state': 'trunk', 'hq/local': 'trunk', 'lab/state': 'trunk' } as const

  it('a session of a site reaches no other site and no space that is not a trunk space; nothing of it is stored', async () => {
    const dataDir = temporaryDirectory()
    const relay = await openTestRelay({ dataDir, rosters: rostersOf('hq', 'lab') })
    const node = await openTestNode(relay.url!, 'hq', { spaces: greedy })
    node.space('hq/local').points.set('door/pin', 'secret')
    node.space('lab/state').points.set('reactor/power', 9_000)
    await node.space('hq/state').points.set('ahu/1/temp', 21.5).durable('relay')
    const refusals = () =>
      relay.lines.filter(({ message }) => message.startsWith('a space was offered')).map(({ details }) => details.space)
    await vi.waitFor(() => expect(refusals().sort()).toEqual(['hq/local', 'lab/state']), soon)
    expect(relay.status().sites.flatMap(({ spaces }) => spaces.map(({ space }) => space))).toEqual(['hq/state'])
    expect(JSON.stringify(relay.status())).not.toContain('local')
    await relay.close()
    expect(await storedSpaces(dataDir)).toEqual(['hq/state'])
  })

  it('a space of another site that is open here is neither given nor changed', async () => {
    const relay = await openTestRelay({ rosters: rostersOf('hq', 'lab') })
    const lab = await relay.site('lab')
    await lab.points.set('reactor/power', 1).durable('local')
    const node = await openTestNode(relay.url!, 'hq', { spaces: greedy })
    const mine = node.space('lab/state').points
    mine.set('reactor/power', 9_000)
    mine.set('reactor/rods', 0)
    await node.space('hq/state').points.set('ahu/1/temp', 21.5).durable('relay')
    const gone = await openTestNode(relay.url!, 'lab')
    await vi.waitFor(() => expect(gone.space('state').points.get('reactor/power')?.value).toBe(1), soon)
    expect([...lab.points.list()].map(({ path, value }) => [path, value])).toEqual([['reactor/power', 1]])
    expect(mine.get('reactor/power')?.value).toBe(9_000)
    expect([...lab.space('state').replica.members.all()].map(member => member.node)).not.toContain(node.replica.node)
  })

  it('the API knows no space but the trunk spaces, and what an earlier configuration stored is left alone', async () => {
    const dataDir = temporaryDirectory()
    const store = await openLevelStore({ directory: join(dataDir, 'store'), clock: systemClock })
    for (const id of ['hq/local', 'gone/state'])
      await (await store.open(spaceId(id))).commit({ puts: [{ key: 'state', value: Uint8Array.of(1) }], deletes: [] })
    await store.close()
    const relay = await openTestRelay({ dataDir })
    await relay.loaded()
    const hq = await relay.site('hq')
    expect(() => hq.space('local')).toThrow(expect.objectContaining({ code: 'SPACE_UNKNOWN' }))
    await expect(relay.site('gone')).rejects.toMatchObject({ code: 'RELAY_SITE_UNKNOWN' })
    await expect(relay.site('no/site')).rejects.toMatchObject({ code: 'ID_INVALID' })
    expect(JSON.stringify(relay.status())).not.toMatch(/local|gone/)
    expect(relay.lines.find(({ message }) => message.startsWith('stored spaces'))?.details).toEqual({
      spaces: ['gone/state', 'hq/local']
    })
  })

  it('takes other rosters without a restart, and ends the sessions of nodes that are no longer in them', async () => {
    const relay = await openTestRelay({ rosters: rostersOf('hq') })
    const node = await openTestNode(relay.url!, 'hq')
    await vi.waitFor(() => expect(relay.status().sessions).toBe(1), soon)
    relay.reloadRosters(rostersOf('lab'))
    await expect(node.ended).resolves.toMatchObject({ code: 'RELAY_SITE_REMOVED' })
    await expect(openTestNode(relay.url!, 'hq')).rejects.toMatchObject({ code: 'TRUNK_REFUSED_SITE' })
    const lab = await openTestNode(relay.url!, 'lab')
    await lab.space('state').points.set('reactor/power', 1).durable('relay')
    expect(relay.sites()).toEqual(['lab'])
    expect(() => relay.reloadRosters('/no/such/file')).toThrow(expect.objectContaining({ code: 'ROSTER_UNREADABLE' }))
    expect(relay.sites()).toEqual(['lab'])
  })
})

describe('opening and closing', () => {
  it('says which port is in use, and what to do', async () => {
    const dataDir = temporaryDirectory()
    const first = await openTestRelay()
    const opening = openTestRelay({ dataDir, listen: { port: first.port! } })
    await expect(opening).rejects.toMatchObject({
      code: 'RELAY_LISTEN_FAILED',
      message: `the relay can not listen on 127.0.0.1:${first.port}: another process listens there: stop it, or choose another port`
    })
    // Nothing was left open: the directory can be used again.
    await openTestRelay({ dataDir })
  })

  it('refuses options that can not work', async () => {
    await expect(openTestRelay({ spaces: ['state'] })).rejects.toMatchObject({ code: 'RELAY_OPTIONS_INVALID' })
    await expect(openTestRelay({ spaces: ['state', 'config', 'state'] })).rejects.toMatchObject({ code: 'RELAY_OPTIONS_INVALID' })
    await expect(openTestRelay({ spaces: ['state', 'config', '../x'] })).rejects.toMatchObject({ code: 'RELAY_OPTIONS_INVALID' })
    await expect(openTestRelay({ control: true })).rejects.toMatchObject({ code: 'RELAY_OPTIONS_INVALID' })
    await expect(openTestRelay({ tls: { cert: 'no', key: 'no' } })).rejects.toMatchObject({ code: 'RELAY_TLS_INVALID' })
  })

  it('leaves a data directory that another relay has alone', async () => {
    const dataDir = temporaryDirectory()
    await openTestRelay({ dataDir })
    await expect(openTestRelay({ dataDir })).rejects.toMatchObject({ code: 'STORE_LOCKED' })
  })

  it('makes a key in its directory, and no secret is ever logged', async () => {
    const dataDir = temporaryDirectory()
    const lines: string[] = []
    const keep = (details: object, message: string) => void lines.push(JSON.stringify(details) + message)
    const log = { debug: keep, info: keep, warn: keep, error: keep, child: () => log }
    const { key } = loadNodeKey(join(dataDir, 'node.key'))
    const { cert, key: tlsKey, ca } = certificates()
    const relay = await openRelay({
      dataDir,
      rosters: rostersOf('hq'),
      listen: { port: 0 },
      tls: { cert, key: tlsKey },
      log,
      timing
    })
    afterwards(() => relay.close())
    expect(relay.node).toBe(key.node)
    expect(relay.url).toMatch(/^wss:/)
    // These rosters name the key of the tests as their relay: the nodes refuse this one, and an alarm says why.
    expect(relay.health.alarms.map(({ code }) => code)).toEqual(['RELAY_ROSTER_FOREIGN'])
    const environment = { clock: systemClock, random: seededRandom(3), log: silentLogger }
    await expect(
      dialTrunk({ ...environment, url: relay.url!, key: keyOf('hq'), roster: rosterOf('hq'), ca })
    ).rejects.toMatchObject({
      code: 'TRUNK_REFUSED_RELAY'
    })
    await relay.close()
    const secret = readFileSync(join(dataDir, 'node.key'), 'utf8').split('\n')[1]!
    expect(lines.length).toBeGreaterThan(0)
    expect(lines.join('\n')).not.toContain(secret)
    expect(lines.join('\n')).not.toContain(tlsKey.split('\n')[1])
  })

  it('serves wss natively', async () => {
    const { cert, key, ca } = certificates()
    const relay = await openTestRelay({ tls: { cert, key } })
    const environment = { clock: systemClock, random: seededRandom(3), log: silentLogger }
    const connection = await dialTrunk({ ...environment, url: relay.url!, key: keyOf('hq'), roster: rosterOf('hq'), ca })
    afterwards(() => connection.close())
    expect(connection.remote).toMatchObject({ node: relayKey.node, role: 'relay' })
  })

  it('refuses a node that is not in the roster', async () => {
    const relay = await openTestRelay({ rosters: new Map([[siteId('hq'), rosterOf('hq')]]) })
    const environment = { clock: systemClock, random: seededRandom(3), log: silentLogger }
    const dial = dialTrunk({ ...environment, url: relay.url!, key: testKey(99), roster: rosterOf('hq') })
    await expect(dial).rejects.toMatchObject({ code: 'TRUNK_REFUSED_NODE' })
    expect(relay.status().sessions).toBe(0)
  })

  it('says whose session did not come about, and why', async () => {
    const warned: object[] = []
    const log: Logger = {
      ...silentLogger,
      child: () => log,
      warn: (details, message) => void warned.push({ ...details, message })
    }
    const relay = await openTestRelay({ log })
    const environment = { clock: systemClock, random: seededRandom(3), log: silentLogger }
    const connection = await dialTrunk({ ...environment, url: relay.url!, key: keyOf('hq'), roster: rosterOf('hq') })
    // A ping before any hello.
    connection.send(Uint8Array.of(14))
    await vi.waitFor(() => expect(warned).toHaveLength(1), soon)
    expect(warned[0]).toMatchObject({ site: 'hq', code: 'SESSION_PROTOCOL_VIOLATION' })
    expect(relay.status().sessions).toBe(0)
  })

  it('close is idempotent, and a closed relay says so', async () => {
    const store = new MemoryStore({ clock: systemClock })
    const relay = await openTestRelay({}, { openStore: () => Promise.resolve(store) })
    await Promise.all([relay.close(), relay.close()])
    await relay.close()
    expect(relay.url).toBeUndefined()
    await expect(relay.site('hq')).rejects.toMatchObject({ code: 'RELAY_CLOSED' })
    await expect(store.open(spaceId('hq/state'))).rejects.toMatchObject({ code: 'STORE_CLOSED' })
  })
})
