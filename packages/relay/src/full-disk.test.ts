/** A relay on a real disk that is full when it starts. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, it, vi } from 'vitest'
import { fillUp, mountSmallDisk } from '../../store/src/testing/small-disk.js'
import { afterwards, cleanUp, openTestNode, openTestRelay } from './testing/test-sites.js'

afterEach(cleanUp)

const soon = { timeout: 60_000, interval: 5 }

it('a relay whose disk is full starts, serves what it has, and stores all once there is room', async context => {
  const dataDir = await mountSmallDisk(context, afterwards, '96m')
  const long = 'x'.repeat(50_000)
  const earlier = await openTestRelay({ dataDir })
  await earlier.loaded()
  const writer = await openTestNode(earlier.url!, 'hq')
  for (let i = 0; i < 20; i++) await writer.space('state').points.set(`before/${i}`, long).durable('relay')
  await writer.close()
  await earlier.close()
  const filler = join(dataDir, 'filler')
  await fillUp(filler)

  const relay = await openTestRelay({ dataDir })
  await relay.loaded()
  await vi.waitFor(() => expect(relay.status().store).toMatchObject({ state: 'degraded', code: 'STORE_FULL' }), soon)
  expect(relay.status().health.alarms).toContainEqual(expect.objectContaining({ code: 'STORE_FULL', severity: 'critical' }))
  // A node that has nothing of its own is given all.
  const node = await openTestNode(relay.url!, 'hq')
  await vi.waitFor(() => expect(node.space('state').points.get('before/19')?.value).toBe(long), soon)
  const receipt = node.space('state').points.set('during', 1)
  const stored = receipt.durable('relay')
  await receipt.durable('local')
  const hq = await relay.site('hq')
  await vi.waitFor(() => expect(hq.points.get('during')?.value).toBe(1), soon)
  expect(receipt.reached()).toBe('local')

  await rm(filler)
  await stored
  await vi.waitFor(() => expect(relay.status().health.state).toBe('ok'), soon)
  await node.close()
  await relay.close()
  const again = await (await openTestRelay({ dataDir })).site('hq')
  expect(again.points.get('during')?.value).toBe(1)
  for (let i = 0; i < 20; i++) expect(again.points.get(`before/${i}`)?.value).toBe(long)
})
