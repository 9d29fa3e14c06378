/** What only a stream shows: how often it is written to. The contract is tested by the conformance suite in `mesh-connection.test.ts`. */
import type { Connection as Libp2pConnection, Stream } from '@libp2p/interface'
import { systemClock } from '@selvedge/core'
import { expect, test } from 'vitest'
import { FrameDecoder } from '../mesh-frames.js'
import { testKey } from '../testing/fixtures.js'
import { StreamConnection } from './stream-connection.js'

function connection(): { connection: StreamConnection; written: Uint8Array[] } {
  const written: Uint8Array[] = []
  const stream = Object.assign(new EventTarget(), {
    writeBufferLength: 0,
    writableNeedsDrain: false,
    send: (bytes: Uint8Array) => written.push(bytes) > 0
  })
  const link = Object.assign(new EventTarget(), { direction: 'outbound' })
  return {
    written,
    connection: new StreamConnection({
      stream: stream as unknown as Stream,
      link: link as unknown as Libp2pConnection,
      remote: { node: testKey(1).node, role: 'node', name: 'hq-1', address: '127.0.0.1:1' },
      clock: systemClock,
      ended: () => {}
    })
  }
}

test('frames sent in one turn are written together, and whole', async () => {
  const { connection: sender, written } = connection()
  const frames = [new Uint8Array(1).fill(1), new Uint8Array(300).fill(2), new Uint8Array(0), new Uint8Array(20).fill(3)]
  for (const frame of frames) expect(sender.send(frame)).toBe(true)
  await Promise.resolve()
  expect(written.length).toBe(1)
  sender.send(frames[0]!)
  await Promise.resolve()
  expect(written.length).toBe(2)
  const received: Uint8Array[] = []
  const decoder = new FrameDecoder()
  for (const bytes of written)
    decoder.push(bytes, message => {
      if (message.type === 'frame') received.push(message.frame)
      return true
    })
  expect(received).toEqual([...frames, frames[0]])
})

test('what gathers in one turn is bounded', () => {
  const { connection: sender, written } = connection()
  for (let i = 0; i < 8; i++) sender.send(new Uint8Array(48 * 1024))
  expect(written.length).toBe(4)
})
