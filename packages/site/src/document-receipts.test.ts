/** Document receipts in a real building: mesh, trunk and relay in a row, asked for where the trunk is not held. */
import { describe, expect, it } from 'vitest'
import { documentId, spaceId } from '@selvedge/core'
import { bareRelay, building, open, until } from './testing/building.js'

const notes = documentId('notes')
const listen = { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false }

type Node = Awaited<ReturnType<typeof open>>

function write(site: Node, text: string): void {
  site.document('notes').doc.getText('t').insert(0, text)
}

const signal = (): AbortSignal => AbortSignal.timeout(20_000)

describe('document receipts', () => {
  it('at the relay resolve on nodes that do not hold the trunk, over any number of nodes', async () => {
    const place = await building(['hq-1', 'hq-2', 'hq-3'])
    const relay = await bareRelay(place)
    const holder = await open(place, 0, { trunk: { url: relay.url } })
    const next = await open(place, 1, { mesh: { ...listen, peers: holder.addresses } })
    const last = await open(place, 2, { mesh: { ...listen, peers: next.addresses } })
    await until(() => holder.status().trunk?.held === true, 'the trunk')
    for (const [site, text] of [
      [next, 'from next'],
      [last, 'from last'],
      [holder, 'from the holder']
    ] as const) {
      write(site, text)
      await site.space('state').documentDurable('notes', 'relay', { signal: signal() })
      const { documents } = relay.replica.space(spaceId('hq/state'))
      const onRelay = documents.openYjs(notes)
      await onRelay.loaded
      expect(onRelay.doc.getText('t').toJSON()).toContain(text)
      onRelay.close()
    }
    const config = await last.config('hvac')
    await config.change('warmer', draft => (draft['setpoint'] = 21))
    await last.space('config').documentDurable('hvac', 'relay', { signal: signal() })
  })

  it('at the relay wait for a trunk, unless they are given up, and outlive the node that held it', async () => {
    const place = await building(['hq-1', 'hq-2', 'hq-3'])
    const relay = await bareRelay(place)
    const next = await open(place, 1)
    const last = await open(place, 2, { mesh: { ...listen, peers: next.addresses } })
    await Promise.all([next.ready(), last.ready()])
    write(last, 'before the trunk')
    const state = last.space('state')
    await state.documentDurable('notes', 'site', { signal: signal() })
    const gaveUp = new AbortController()
    const abandoned = state.documentDurable('notes', 'relay', { signal: gaveUp.signal })
    const durable = state.documentDurable('notes', 'relay', { signal: signal() })
    gaveUp.abort()
    await expect(abandoned).rejects.toMatchObject({ code: 'RECEIPT_ABORTED' })
    const asHolder = { trunk: { url: relay.url }, mesh: { ...listen, peers: next.addresses } }
    const holder = await open(place, 0, asHolder)
    await durable
    expect(holder.status().trunk?.held).toBe(true)
    await holder.close()
    write(last, 'while nobody holds it')
    const again = state.documentDurable('notes', 'relay', { signal: signal() })
    await open(place, 0, asHolder)
    await again
  })
})
