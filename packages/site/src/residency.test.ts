import { inflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Connection } from '@selvedge/core'
import { nodeSystem } from './system/node-system.js'
import { bareRelay, building, open, until } from './testing/building.js'

/** Every frame that passes, both ways, as it is before it is deflated. */
function tap(connection: Connection, seen: Buffer[]): Connection {
  const note = (frame: Uint8Array): void => {
    const deflated = (frame[0]! & 0x40) !== 0
    seen.push(deflated ? inflateRawSync(frame.subarray(1)) : Buffer.from(frame.subarray(1)))
  }
  const tapped: Connection = Object.create(connection, {
    send: { value: (frame: Uint8Array) => (note(frame), connection.send(frame)) },
    attach: {
      value: (handlers: Parameters<Connection['attach']>[0]) =>
        connection.attach({
          ...handlers,
          drain: () => handlers.drain(),
          closed: reason => handlers.closed(reason),
          frame: frame => (note(frame), handlers.frame(frame))
        })
    },
    close: { value: (reason?: Parameters<Connection['close']>[0]) => connection.close(reason) }
  }) as Connection
  return tapped
}

describe('residency', () => {
  it('keeps a site space, and all that derives from it, off the trunk', async () => {
    const place = await building(['hq-1', 'hq-2'])
    const relay = await bareRelay(place)
    const seen: Buffer[] = []
    const trunk = { url: relay.url }
    const one = await open(place, 0, {
      trunk,
      system: { ...nodeSystem, dialTrunk: async options => tap(await nodeSystem.dialTrunk(options), seen) }
    })
    await until(() => one.status().trunk?.held === true, 'the trunk')
    const local = one.space('local')
    local.points.set('visitors/ada-lovelace', 'room 12')
    local.document('guest-book').doc.getText('t').insert(0, 'charles babbage was here')
    await local.documentDurable('guest-book', 'local')
    // A conflict, a heal report and a second node, all of the site space too.
    const two = await open(place, 1, { mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false, peers: [] } })
    two.space('local').points.set('visitors/ada-lovelace', 'room 99')
    await two.close()
    const again = await open(place, 1, { mesh: { listen: ['/ip4/127.0.0.1/tcp/0'], mdns: false, peers: one.addresses } })
    await until(() => local.conflicts().length === 1, 'the conflict in the local space')
    await again.points.set('door/7/locked', true).durable('relay')
    await one.points.set('door/8/locked', true).durable('relay')
    const wire = Buffer.concat(seen)
    expect(wire.includes('door/7'), 'the tap sees what crosses').toBe(true)
    for (const secret of ['ada-lovelace', 'room 12', 'room 99', 'guest-book', 'babbage', 'hq/local', 'visitors'])
      expect(wire.includes(secret), `"${secret}" crossed the trunk`).toBe(false)
  })
})
