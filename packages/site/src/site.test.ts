import { describe, expect, it } from 'vitest'
import { spaceId } from '@selvedge/core'
import { bareRelay, building, open, until } from './testing/building.js'

describe('openSite', () => {
  it('meshes two nodes, and what one writes the other reads, with its freshness', async () => {
    const place = await building(['hq-1', 'hq-2'])
    const one = await open(place, 0)
    const two = await open(place, 1, { mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false, peers: one.addresses } })
    await Promise.all([one.ready(), two.ready()])
    const receipt = one.points.set('ahu/3/supply-temp', 18.25)
    await receipt.durable('site')
    const reading = two.points.get('ahu/3/supply-temp')
    expect(reading).toMatchObject({ value: 18.25, quality: 'good', writerName: 'hq-1', stale: undefined })
    expect(reading!.ageMs).toBeLessThan(10_000)
    expect(receipt.reached()).toBe('site')
    expect(two.status().peers.map(peer => peer.name)).toEqual(['hq-1'])
  })

  it('refuses a URL of the trunk or of a proxy that no dial could use, before anything is opened', async () => {
    const place = await building(['hq-1'])
    for (const trunk of [
      { url: 'http://relay.example/trunk' },
      { url: 'nowhere' },
      { url: 'ws://relay.example/trunk', proxy: 'socks5://proxy' }
    ])
      await expect(open(place, 0, { trunk })).rejects.toMatchObject({ code: 'TRUNK_URL_INVALID' })
  })

  it('refuses what does not fit the schema, with the path and the reason', async () => {
    const place = await building(['hq-1'])
    const site = await open(place, 0, { mesh: false })
    expect(() => site.points.set('ahu/3/supply-temp', 200)).toThrow(/ahu\/3\/supply-temp is above max 120 °C: 200/)
    expect(() => site.points.set('ahu/3/suply-temp' as never, 20 as never)).toThrow(/did you mean ahu\/3\/supply-temp/)
    expect(() => site.points.set('ahu/3/supply-temp', Number.NaN)).toThrow(/finite/)
    expect(() => site.points.batch(batch => (batch.set('door/1/locked', true), batch.set('ahu/1/supply-temp', 999)))).toThrow(
      /above max 120/
    )
    expect(site.points.get('door/1/locked')).toBeUndefined()
  })

  it('offers counters, sets and priority arrays', async () => {
    const place = await building(['hq-1', 'hq-2'])
    const one = await open(place, 0)
    const two = await open(place, 1, { mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false, peers: one.addresses } })
    await Promise.all([one.ready(), two.ready()])
    one.points.counter('meter/1/kwh').increment(5)
    two.points.counter('meter/1/kwh').increment(7)
    two.points.counter('meter/1/kwh').increment(1, { id: 'pulse-9' })
    two.points.counter('meter/1/kwh').increment(1, { id: 'pulse-9' })
    one.points.elements('room/4/badges').add('ada')
    two.points.priority('zone/4/level').write(8, 55, { expiresInMs: 60_000 })
    await until(
      () => one.points.counter('meter/1/kwh').value === 13 && two.points.counter('meter/1/kwh').value === 13,
      'both counts'
    )
    await until(() => two.points.elements('room/4/badges').has('ada'), 'the badge')
    await until(() => one.points.priority('zone/4/level').current().value === 55, 'the level')
    expect(one.points.priority('zone/5/level').current()).toMatchObject({ value: 20, level: undefined })
  })

  it('is not ready while it is cold and alone, unless it may be', async () => {
    const place = await building(['hq-1', 'hq-2'])
    const cold = await open(place, 0)
    expect(cold.readiness).toBe('loaded')
    await cold.close()
    const alone = await open(place, 0, { bootAloneAfterMs: 20 })
    expect(await alone.ready()).toBe('alone')
  })

  it('holds one trunk a building, hands it over, and never tells the relay of a site space', async () => {
    const place = await building(['hq-1', 'hq-2', 'hq-3'])
    const relay = await bareRelay(place)
    const trunk = { url: relay.url }
    const one = await open(place, 0, { trunk })
    const sites = [one]
    for (const index of [1, 2])
      sites.push(
        await open(place, index, {
          trunk,
          mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false, peers: sites.flatMap(site => site.addresses) }
        })
      )
    await until(() => sites.filter(site => site.status().trunk?.held).length === 1, 'one holder')
    const receipt = sites[2]!.points.set('door/9/locked', true)
    await receipt.durable('relay')
    sites[1]!.space('local').points.set('secret' as never, 'stays here')
    await sites[1]!
      .space('local')
      .points.set('secret/2' as never, 1)
      .durable('site')
    const holder = sites.find(site => site.status().trunk?.held)!
    const closedAt = performance.now()
    await holder.close()
    const others = sites.filter(site => site !== holder)
    await until(() => others.filter(site => site.status().trunk?.held).length === 1, 'another holder')
    expect(performance.now() - closedAt).toBeLessThan(10_000)
    await others[0]!.points.set('door/10/locked', false).durable('relay')
    expect(relay.replica.space(spaceId('hq/state')).table.get('door/10/locked')?.value).toBe(false)
    expect([...relay.replica.spaces.keys()].sort()).toEqual(['hq/config', 'hq/state'])
  })

  it('tells a watcher where a change came from, and lets it refuse what is old', async () => {
    const place = await building(['hq-1', 'hq-2'])
    const one = await open(place, 0)
    one.points.set('door/1/locked', true)
    const two = await open(place, 1, { mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false, peers: one.addresses } })
    const seen: string[] = []
    two.points.watch('door/*/locked', change => seen.push(`${change.path} ${change.origin}`))
    await two.ready()
    await until(() => seen.includes('door/1/locked merged'), 'the merged change')
    one.points.set('door/2/locked', true)
    await until(() => seen.includes('door/2/locked live'), 'the live change')
    two.points.set('door/3/locked', true)
    await until(() => seen.includes('door/3/locked local'), 'the own change')
    const iterator = two.points.watch('door/3/**')
    expect((await iterator.next()).value).toMatchObject({ path: 'door/3/locked', value: true, initial: true })
    await iterator.return?.()
  })
})
