import { afterEach, describe, expect, it } from 'vitest'
import { SelvedgeError, siteId, silentLogger } from '@selvedge/core'
import { generateNodeKey, Roster } from '@selvedge/network'
import { MemoryStore } from '@selvedge/store'
import { openSite } from './open-site.js'
import type { Site } from './site.js'
import { nodeSystem } from './system/node-system.js'

let open: Site | undefined
afterEach(async () => open?.close())

/** A site whose disk fails while `disk.full`. */
async function openOnFailingDisk(): Promise<{ site: Site; disk: { full: boolean } }> {
  const disk = { full: false }
  const key = generateNodeKey()
  const site = await openSite({
    site: 'hq',
    dataDir: 'memory',
    roster: new Roster(siteId('hq'), [{ name: 'hq-1', node: key.node }]),
    mesh: false,
    log: silentLogger,
    system: {
      ...nodeSystem,
      loadKey: () => key,
      openStore: (_, environment) =>
        Promise.resolve(
          new MemoryStore({
            clock: environment.clock,
            retryDelayMinMs: 5,
            retryDelayMaxMs: 20,
            beforeSync() {
              if (disk.full) throw new SelvedgeError('STORE_FULL', 'no space left on the device')
            }
          })
        )
    }
  })
  open = site
  return { site, disk }
}

function nextHealth(site: Site, state: 'ok' | 'degraded'): Promise<void> {
  if (site.health.state === state) return Promise.resolve()
  return new Promise(resolve => {
    const off = site.on('health', health => {
      if (health.state !== state) return
      off()
      resolve()
    })
  })
}

describe('a full disk', () => {
  it('degrades the node: points and shared documents go on, receipts wait, config is refused, and it recovers by itself', async () => {
    const { site, disk } = await openOnFailingDisk()
    const config = await site.config('lighting')
    await config.change('as commissioned', draft => void ((draft as Record<string, unknown>)['level'] = 1))
    disk.full = true
    const waiting = site.points.set('ahu/1/temp', 21).durable('local')
    let resolved = false
    void waiting.then(() => (resolved = true))
    await nextHealth(site, 'degraded')
    expect(site.health.alarms[0]).toMatchObject({ code: 'STORE_FULL', severity: 'critical' })
    expect(site.status().store).toMatchObject({ state: 'degraded', code: 'STORE_FULL' })
    expect(site.points.get('ahu/1/temp')).toMatchObject({ value: 21, reached: 'memory' })
    for (let i = 0; i < 10_000; i++) site.points.set('ahu/1/temp', i)
    site.document('notes').doc.getText('t').insert(0, 'still writing')
    await expect(
      config.change('too dark', draft => void ((draft as Record<string, unknown>)['level'] = 2))
    ).rejects.toMatchObject({ code: 'STORE_DEGRADED' })
    expect(resolved).toBe(false)
    disk.full = false
    await waiting
    await nextHealth(site, 'ok')
    await site.points.set('ahu/1/temp', 22).durable('local')
    await site.document('notes').flushed()
    expect(site.points.get('ahu/1/temp')).toMatchObject({ value: 22, reached: 'local' })
    await config.change('again', draft => void ((draft as Record<string, unknown>)['level'] = 3))
  })

  it('lets a closing node end, and tells what waited', async () => {
    const { site, disk } = await openOnFailingDisk()
    disk.full = true
    const receipt = site.points.set('a/b', 1).durable('local')
    const ended = receipt.then(
      () => 'durable',
      (error: unknown) => (error as SelvedgeError).code
    )
    await nextHealth(site, 'degraded')
    await site.close()
    expect(await ended).toBe('REPLICA_CLOSED')
  })
})
