import { connect } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { SelvedgeError, systemClock, type Store } from '@selvedge/core'
import { MemoryStore } from '@selvedge/store'
import type { RelaySystem } from './relay-options.js'
import { cleanUp, fetchPage, openTestNode, openTestRelay, rostersOf, samplesOf, type TestRelay } from './testing/test-sites.js'

afterEach(cleanUp)

const soon = { timeout: 60_000, interval: 20 }

async function readyz(relay: TestRelay): Promise<{ status: number; codes: string[] }> {
  const { status, body } = await fetchPage(`${relay.adminUrl!}/readyz`)
  const { reasons } = JSON.parse(body) as { reasons?: { code: string }[] }
  return { status, codes: (reasons ?? []).map(({ code }) => code) }
}

async function samples(relay: TestRelay): Promise<Map<string, number>> {
  return samplesOf((await fetchPage(`${relay.adminUrl!}/metrics`)).body)
}

describe('readyz and healthz', () => {
  it('say ready and alive', async () => {
    const relay = await openTestRelay()
    await relay.loaded()
    expect(await readyz(relay)).toEqual({ status: 200, codes: [] })
    const { status, type, body } = await fetchPage(`${relay.adminUrl!}/healthz`)
    expect([status, type]).toEqual([200, 'application/json; charset=utf-8'])
    expect(JSON.parse(body)).toMatchObject({ status: 'alive', node: relay.node })
  })

  it('not ready while stored spaces are being read', async () => {
    let release: () => void = () => {}
    const gate = new Promise<void>(resolve => (release = resolve))
    class SlowStore extends MemoryStore {
      override async spaces(): ReturnType<Store['spaces']> {
        await gate
        return super.spaces()
      }
    }
    const relay = await openTestRelay({}, { openStore: async (_, environment) => new SlowStore(environment) })
    expect(await readyz(relay)).toEqual({ status: 503, codes: ['RELAY_LOADING'] })
    release()
    await relay.loaded()
    expect(await readyz(relay)).toEqual({ status: 200, codes: [] })
  })

  it('not ready, and an alarm, while the disk fails; alive all the same, and it goes on from memory', async () => {
    let full = false
    const beforeSync = (): void => {
      if (full) throw new SelvedgeError('STORE_FULL', 'no space left on the device')
    }
    const relay = await openTestRelay(
      {},
      { openStore: async (_, environment) => new MemoryStore({ ...environment, beforeSync }) }
    )
    const hq = await relay.site('hq')
    full = true
    hq.points.set('ahu/1/setpoint', 22)
    await vi.waitFor(async () => expect(await readyz(relay)).toEqual({ status: 503, codes: ['STORE_FULL'] }), soon)
    expect(relay.health.alarms.map(({ code, severity }) => [code, severity])).toEqual([['STORE_FULL', 'critical']])
    expect((await fetchPage(`${relay.adminUrl!}/healthz`)).status).toBe(200)
    expect((await samples(relay)).get('selvedge_store_degraded')).toBe(1)
    const node = await openTestNode(relay.url!, 'hq')
    await vi.waitFor(() => expect(node.space('state').points.get('ahu/1/setpoint')?.value).toBe(22), soon)
    full = false
    await vi.waitFor(async () => expect(await readyz(relay)).toEqual({ status: 200, codes: [] }), soon)
    expect(relay.health).toEqual({ state: 'ok', alarms: [], more: 0 })
  })

  it('a space that can not be read is told of, and does not keep the others from being served', async () => {
    class TornStore extends MemoryStore {
      override async spaces(): ReturnType<Store['spaces']> {
        return ['hq/state', 'lab/state'] as Awaited<ReturnType<Store['spaces']>>
      }
      override open(...[space]: Parameters<Store['open']>): ReturnType<Store['open']> {
        if (space === 'hq/state') throw new SelvedgeError('STORE_IO', 'the disk is torn')
        return super.open(space)
      }
    }
    const relay = await openTestRelay(
      { rosters: rostersOf('hq', 'lab') },
      { openStore: async (_, environment) => new TornStore(environment) }
    )
    await relay.loaded()
    expect(await readyz(relay)).toEqual({ status: 200, codes: [] })
    expect(relay.health.alarms.map(({ code }) => code)).toEqual(['RELAY_SPACE_UNREADABLE'])
    await expect(relay.site('hq')).rejects.toMatchObject({ code: 'STORE_IO' })
    const lab = await openTestNode(relay.url!, 'lab')
    await lab.space('state').points.set('reactor/power', 1).durable('relay')
    const hq = await openTestNode(relay.url!, 'hq')
    await hq.space('config').points.set('still', true).durable('relay')
  })
})

describe('metrics', () => {
  it('tell of sites, sessions, bytes, backlog, lag and the store', async () => {
    const relay = await openTestRelay({ rosters: rostersOf('hq', 'lab') })
    const node = await openTestNode(relay.url!, 'hq')
    await node.space('state').points.set('ahu/1/temp', 21.5).durable('relay')
    const hq = await relay.site('hq')
    await hq.points.set('ahu/1/setpoint', 22).durable('site')
    await vi.waitFor(() => expect(relay.status().sites[0]).toMatchObject({ backlog: 0, caughtUp: true }), soon)
    const { type, body } = await fetchPage(`${relay.adminUrl!}/metrics`)
    expect(type).toBe('text/plain; version=0.0.4; charset=utf-8')
    const told = samplesOf(body)
    const registers = hq.space('state').replica.table.live
    expect(registers).toBeGreaterThanOrEqual(2)
    const steady = [...told].filter(([name]) => name.startsWith('selvedge_') && !/uptime|lag|store|bytes|unstored/.test(name))
    expect(Object.fromEntries(steady)).toEqual({
      selvedge_ready: 1,
      selvedge_sessions: 1,
      selvedge_sites: 2,
      selvedge_spaces: 2,
      selvedge_alarms: 0,
      'selvedge_backlog_registers{site="hq",space="state"}': 0,
      'selvedge_backlog_registers{site="hq",space="config"}': 0,
      'selvedge_site_connected{site="hq"}': 1,
      'selvedge_site_connected{site="lab"}': 0,
      'selvedge_registers{site="hq",space="state"}': registers,
      'selvedge_registers{site="hq",space="config"}': 0,
      'selvedge_held_back{site="hq",space="state"}': 0,
      'selvedge_held_back{site="hq",space="config"}': 0,
      'selvedge_documents{site="hq",space="state"}': 0,
      'selvedge_documents{site="hq",space="config"}': 0,
      'selvedge_divergences_total{site="hq",space="state"}': 0,
      'selvedge_divergences_total{site="hq",space="config"}': 0,
      'selvedge_conflicts_total{site="hq",space="state"}': 0,
      'selvedge_conflicts_total{site="hq",space="config"}': 0
    })
    expect(told.get('selvedge_store_commits_total')).toBeGreaterThan(0)
    expect(told.get('selvedge_session_bytes_total{direction="in"}')).toBeGreaterThan(100)
    expect(told.get('selvedge_session_bytes_total{direction="out"}')).toBeGreaterThan(100)
    expect(told.get('selvedge_store_degraded')).toBe(0)
    expect(told.get('selvedge_lag_seconds{site="hq"}')).toBeGreaterThanOrEqual(0)
    expect(told.get('process_resident_memory_bytes')).toBeGreaterThan(0)
    // Each metric has its own type.
    expect(body).toMatch(/^# TYPE selvedge_conflicts_total counter$/m)
    expect(body).toMatch(/^# TYPE selvedge_lag_seconds gauge$/m)
  })

  it('show what a site is owed while it is cut off, and what is held back', async () => {
    const relay = await openTestRelay()
    const hq = await relay.site('hq')
    hq.points.set('ahu/1/setpoint', 22)
    hq.points.set('ahu/2/setpoint', 23)
    const { table } = hq.space('state').replica
    table.hlc.observe(table.hlc.last + 3_600_000 * 4096)
    expect(hq.points.set('ahu/3/setpoint', 24).shadowed).toBe(true)
    const told = await samples(relay)
    expect(told.get('selvedge_backlog_registers{site="hq",space="state"}')).toBe(3)
    expect(told.get('selvedge_held_back{site="hq",space="state"}')).toBe(1)
  })

  it('bound the number of their labels, and tell the other sites together', async () => {
    const relay = await openTestRelay({ rosters: rostersOf('a', 'b', 'c', 'd'), metricsSitesMax: 2 })
    for (const site of ['c', 'd']) (await relay.site(site)).points.set('x', 1)
    const told = await samples(relay)
    const sites = new Set([...told.keys()].flatMap(name => /site="([^"]*)"/.exec(name)?.[1] ?? []))
    expect([...sites].sort()).toEqual(['_other', 'a', 'b'])
    expect(told.get('selvedge_registers{site="_other",space="state"}')).toBe(2)
  })

  it('are each relay’s own', async () => {
    const [one, two] = await Promise.all([openTestRelay(), openTestRelay({ rosters: rostersOf('lab') })])
    expect((await samples(one)).has('selvedge_site_connected{site="lab"}')).toBe(false)
    expect((await samples(two)).has('selvedge_site_connected{site="hq"}')).toBe(false)
  })
})

describe('the door', () => {
  it('answers nothing else', async () => {
    const relay = await openTestRelay()
    const url = relay.adminUrl!
    expect(await fetchPage(`${url}/`)).toMatchObject({ status: 404 })
    expect(await fetchPage(`${url}/metrics/../status`)).toMatchObject({ status: 404 })
    expect(await fetchPage(`${url}/healthz`, { method: 'POST' })).toMatchObject({ status: 405 })
    expect(await fetchPage(`${url}/healthz?probe=1`, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
    expect(await fetchPage(`${url}/trunk`)).toMatchObject({ status: 404 })
  })

  it('refuses an upgrade on another path than that of trunks', async () => {
    const relay = await openTestRelay()
    const answer = await new Promise<string>((resolve, reject) => {
      let text = ''
      const socket = connect(relay.port!, '127.0.0.1', () =>
        socket.write('GET /other HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      )
      socket.on('data', data => (text += data.toString()))
      socket.on('end', () => resolve(text))
      socket.on('error', reject)
    })
    expect(answer).toMatch(/^HTTP\/1\.1 404 /)
  })

  it('keeps pages apart from trunks when told to', async () => {
    const relay = await openTestRelay({ admin: { port: 0 } })
    expect(relay.adminUrl).not.toBe(`http://127.0.0.1:${relay.port!}`)
    expect((await fetchPage(`${relay.adminUrl!}/readyz`)).status).toBe(200)
    expect((await fetchPage(`http://127.0.0.1:${relay.port!}/metrics`)).status).toBe(404)
    const node = await openTestNode(relay.url!, 'hq')
    await node.space('state').points.set('ahu/1/temp', 21.5).durable('relay')
  })
})

describe('draining', () => {
  it('says not ready, ends each session with its own time to come back, and takes no more', async () => {
    const relay = await openTestRelay({ rosters: rostersOf('hq', 'lab') })
    const [hq, lab] = await Promise.all([openTestNode(relay.url!, 'hq'), openTestNode(relay.url!, 'lab')])
    await hq.space('state').points.set('ahu/1/temp', 21.5).durable('relay')
    await lab.space('state').points.set('reactor/power', 1).durable('relay')
    await relay.drain()
    const reasons = await Promise.all([hq.ended, lab.ended])
    expect(reasons.map(({ code }) => code)).toEqual(['RELAY_DRAINING', 'RELAY_DRAINING'])
    for (const { retryAfterMs } of reasons) expect(retryAfterMs).toBeGreaterThanOrEqual(500)
    expect(reasons[0].retryAfterMs).not.toBe(reasons[1].retryAfterMs)
    expect(await readyz(relay)).toEqual({ status: 503, codes: ['RELAY_DRAINING'] })
    expect((await fetchPage(`${relay.adminUrl!}/healthz`)).status).toBe(200)
    const late = await openTestNode(relay.url!, 'hq')
    await vi.waitFor(() => expect(late.peer.session.closeReason).toMatchObject({ code: 'RELAY_DRAINING' }), soon)
    expect(relay.status().sessions).toBe(0)
  })

  it('gives the sites what was just written before it leaves, and stores what came', async () => {
    const store = new MemoryStore({ clock: systemClock })
    const relay = await openTestRelay({}, { openStore: () => Promise.resolve(store) })
    const node = await openTestNode(relay.url!, 'hq')
    const hq = await relay.site('hq')
    await vi.waitFor(() => expect(relay.status().sites[0]?.caughtUp).toBe(true), soon)
    for (let i = 0; i < 500; i++) hq.points.set(`room/${i}/setpoint`, i)
    const closing = relay.close()
    await expect(node.ended).resolves.toMatchObject({ code: 'RELAY_DRAINING' })
    expect([...node.space('state').points.list('room/**')]).toHaveLength(500)
    await closing
    expect(store.stats().pendingBatches).toBe(0)
  })
  it('a disk that does not answer holds up the leave no longer than the limit', async () => {
    let release: () => void = () => {}
    const gate = new Promise<void>(resolve => (release = resolve))
    const openStore: RelaySystem['openStore'] = async (_, environment) =>
      new MemoryStore({ ...environment, beforeSync: () => gate })
    const relay = await openTestRelay({ drainTimeoutMs: 50 }, { openStore })
    const node = await openTestNode(relay.url!, 'hq')
    ;(await relay.site('hq')).points.set('ahu/1/setpoint', 22)
    await relay.drain()
    await expect(node.ended).resolves.toMatchObject({ code: 'RELAY_DRAINING' })
    release()
  })
})
