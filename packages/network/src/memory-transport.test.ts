import { expect, test } from 'vitest'
import { ManualClock, nodeId, siteId, systemClock, type Connection } from '@selvedge/core'
import { MemoryNetwork, type MemoryEndpoint } from './memory-transport.js'
import { frameNumber, numberedFrame, Recorder } from './testing/recorder.js'
import { transportConformance } from './testing/transport-conformance.js'

function endpoints(network: MemoryNetwork): { a: MemoryEndpoint; b: MemoryEndpoint } {
  const endpoint = (name: string) => network.endpoint({ name, node: nodeId(`node-${name}`), site: siteId('hq'), role: 'node' })
  return { a: endpoint('a'), b: endpoint('b') }
}

transportConformance('memory', async () => {
  const { a, b } = endpoints(new MemoryNetwork({ clock: systemClock }))
  let right: Connection | undefined
  b.listen(connection => (right = connection))
  const left = await a.dial('b')
  return {
    left,
    right: right!,
    close: async () => {
      a.close()
      b.close()
    }
  }
})

async function manualPair(link: { latencyMs?: number; bytesPerSecond?: number } = {}) {
  const clock = new ManualClock()
  const network = new MemoryNetwork({ clock, ...link })
  const { a, b } = endpoints(network)
  const accepted: Connection[] = []
  b.listen(connection => accepted.push(connection))
  const dialled = a.dial('b')
  clock.advance(2 * (link.latencyMs ?? 0))
  const left = await dialled
  const [atLeft, atRight] = [Recorder.on(left), Recorder.on(accepted[0]!)]
  await Promise.resolve()
  return { clock, network, a, b, left, right: accepted[0]!, atLeft, atRight }
}

test('a frame takes the latency of its link, a dial a round trip', async () => {
  const { clock, left, atRight } = await manualPair({ latencyMs: 10 })
  left.send(numberedFrame(1, 100))
  clock.advance(9)
  expect(atRight.frames.length).toBe(0)
  clock.advance(1)
  expect(atRight.frames.length).toBe(1)
})

test('bandwidth spaces frames out, and a shorter latency lets none overtake', async () => {
  const { clock, network, left, atRight } = await manualPair({ latencyMs: 10, bytesPerSecond: 1_000 })
  left.send(numberedFrame(1, 500))
  network.setLink('a', 'b', { latencyMs: 0, bytesPerSecond: 1_000_000 })
  left.send(numberedFrame(2, 500))
  clock.advance(500)
  expect(atRight.frames.length).toBe(0)
  clock.advance(10)
  expect(atRight.frames.map(frameNumber)).toEqual([1, 2])
})

test('a cut that closes tells both ends, loses what was under way, and refuses dials until healed', async () => {
  const { clock, network, a, left, atLeft, atRight } = await manualPair({ latencyMs: 10 })
  left.send(numberedFrame(1, 100))
  network.cut('a', 'b', 'close')
  clock.advance(100)
  await Promise.resolve()
  expect([atLeft.closes, atRight.closes].map(closes => closes.map(reason => reason.code))).toEqual([
    ['CONNECTION_LOST'],
    ['CONNECTION_LOST']
  ])
  expect(atRight.frames).toEqual([])
  const refused = expect(a.dial('b')).rejects.toMatchObject({ code: 'MEMORY_DIAL_FAILED' })
  clock.advance(20)
  await refused
  network.heal('a', 'b')
  const dialled = a.dial('b')
  clock.advance(20)
  expect((await dialled).remote.name).toBe('b')
})

test('a cut that stalls tells nobody; healed, everything arrives in order, the close too', async () => {
  const { clock, network, left, atLeft, atRight } = await manualPair({ latencyMs: 10 })
  left.send(numberedFrame(1, 100))
  network.cut('a', 'b', 'stall')
  left.send(numberedFrame(2, 100))
  left.close({ code: 'TEST_DONE', message: '' })
  clock.advance(60_000)
  await Promise.resolve()
  expect(atLeft.closes.length).toBe(1)
  expect([atRight.frames.length, atRight.closes.length]).toEqual([0, 0])
  network.heal('a', 'b')
  clock.advance(0)
  await Promise.resolve()
  expect(atRight.frames.map(frameNumber)).toEqual([1, 2])
  expect(atRight.closes).toEqual([{ code: 'TEST_DONE', message: '' }])
})

test('a one-way stall lets the other direction through', async () => {
  const { clock, network, left, right, atLeft, atRight } = await manualPair()
  network.cut('a', 'b', 'stall', { oneWay: true })
  left.send(numberedFrame(1, 10))
  right.send(numberedFrame(2, 10))
  clock.advance(10)
  expect([atLeft.frames.length, atRight.frames.length]).toEqual([1, 0])
})

test('a dial into a stalled link times out, or gets through when it heals in time', async () => {
  const { clock, network, a } = await manualPair()
  network.cut('a', 'b', 'stall')
  const failed = expect(a.dial('b')).rejects.toMatchObject({ code: 'MEMORY_DIAL_FAILED' })
  clock.advance(5_100)
  await failed
  const dialled = a.dial('b')
  clock.advance(1_000)
  network.heal('a', 'b')
  clock.advance(100)
  expect((await dialled).outgoing).toBe(true)
})

test('a closed endpoint closes its connections, and its name can be taken again', async () => {
  const { clock, network, a, b, atLeft } = await manualPair()
  b.close()
  b.close()
  clock.advance(0)
  await Promise.resolve()
  expect(atLeft.closes.length).toBe(1)
  const refused = expect(a.dial('b')).rejects.toMatchObject({ code: 'MEMORY_DIAL_FAILED' })
  clock.advance(0)
  await refused
  network.endpoint({ name: 'b', node: nodeId('node-b2'), role: 'node' }).listen(() => {})
  const dialled = a.dial('b')
  clock.advance(0)
  expect((await dialled).remote.node).toBe('node-b2')
  expect(clock.timers).toBe(0)
})
