import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { controlClient } from '@selvedge/replica'
import { afterwards, cleanUp, openTestRelay, rostersOf, type TestRelay } from './testing/test-sites.js'

afterEach(cleanUp)

async function controlled(): Promise<{ relay: TestRelay; client: ReturnType<typeof controlClient> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'selvedge-relay-'))
  afterwards(() => rmSync(dataDir, { recursive: true, force: true }))
  const relay = await openTestRelay({ dataDir, rosters: rostersOf('hq', 'lab'), control: true })
  return { relay, client: controlClient(dataDir) }
}

describe('the control socket of a relay', () => {
  it('tells status and sites', async () => {
    const { relay, client } = await controlled()
    expect(await client.request('GET', '/sites')).toEqual(['hq', 'lab'])
    expect(await client.request('GET', '/status')).toMatchObject({ node: relay.node, sessions: 0, notReady: [] })
  })

  it('reads and writes the points of the site that a request names', async () => {
    const { relay, client } = await controlled()
    const answer = await client.request('PUT', '/points', {
      body: { site: 'hq', path: 'ahu/1/setpoint', value: 22, durable: 'relay' }
    })
    expect(answer).toMatchObject({ shadowed: false, reached: 'relay' })
    expect(await client.request('GET', '/points/get', { query: { site: 'hq', path: 'ahu/1/setpoint' } })).toMatchObject({
      value: 22,
      writerName: 'relay'
    })
    await expect(client.request('GET', '/points/get', { query: { site: 'lab', path: 'ahu/1/setpoint' } })).rejects.toMatchObject({
      code: 'CONTROL_POINT_ABSENT'
    })
    await expect(client.request('GET', '/points/get', { query: { path: 'ahu/1/setpoint' } })).rejects.toMatchObject({
      code: 'CONTROL_REQUEST_INVALID'
    })
    await expect(client.request('GET', '/points/get', { query: { site: 'no-such', path: 'x' } })).rejects.toMatchObject({
      code: 'RELAY_SITE_UNKNOWN'
    })
    await expect(
      client.request('GET', '/points/get', { query: { site: 'hq', space: 'local', path: 'x' } })
    ).rejects.toMatchObject({ code: 'SPACE_UNKNOWN' })
    expect((await relay.site('hq')).points.get('ahu/1/setpoint')?.value).toBe(22)
  })

  it('asks all sites that were ever heard of when none is named', async () => {
    const { relay, client } = await controlled()
    await relay.site('hq')
    expect(await client.request('GET', '/conflicts')).toEqual([])
    expect(relay.status().sites.map(({ spaces }) => spaces.length)).toEqual([2, 0])
  })

  it('drains and reloads rosters', async () => {
    const { relay, client } = await controlled()
    expect(await client.request('POST', '/rosters/reload')).toEqual({ sites: 2 })
    expect(await client.request('POST', '/drain')).toEqual({ drained: true })
    expect(relay.notReady().map(({ code }) => code)).toEqual(['RELAY_DRAINING'])
  })
})
