/**
 * What every kind of `Connection` promises, as tests for vitest. A transport passes a factory of connected pairs; both ends are
 * without handlers when it resolves. See `packages/core/src/transport.ts` for the contract.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Connection, ConnectionKind } from '@selvedge/core'
import { connectionLimits } from '../connection-limits.js'
import { frameNumber, numberedFrame, Recorder } from './recorder.js'

export interface ConnectedPair {
  /** The end that dialled. */
  readonly left: Connection
  readonly right: Connection
  close(): Promise<void>
}

/** More than this accepted for a reader that stands still is unbounded: our queues and the kernel's buffers together. */
const acceptedBytesMax = 32 * 1024 * 1024

export function transportConformance(kind: ConnectionKind, connect: () => Promise<ConnectedPair>): void {
  describe(`${kind} connection`, () => {
    let pair: ConnectedPair
    let left: Connection
    let right: Connection

    beforeEach(async () => {
      pair = await connect()
      left = pair.left
      right = pair.right
    })
    afterEach(() => pair.close())

    test('knows its kind, its direction and who is at the other end', () => {
      expect([left.kind, right.kind]).toEqual([kind, kind])
      expect([left.outgoing, right.outgoing]).toEqual([true, false])
      expect(left.remote.node).not.toBe(right.remote.node)
      expect(right.remote.name).not.toBe('')
    })

    test('carries frames of all sizes whole and in order, both ways at once', async () => {
      const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)]
      const count = 300
      for (let i = 0; i < count; i++) {
        left.send(numberedFrame(i, 4 + ((i * 37) % 5_000)))
        right.send(numberedFrame(i, 4 + ((i * 91) % 3_000)))
      }
      await Promise.all([atLeft, atRight].map(end => end.until(() => end.frames.length === count)))
      for (const end of [atLeft, atRight]) expect(end.frames.map(frameNumber)).toEqual(Array.from({ length: count }, (_, i) => i))
      expect(atRight.frames.map(frame => frame.length)).toEqual(Array.from({ length: count }, (_, i) => 4 + ((i * 37) % 5_000)))
    })

    test('carries the longest frame, and asserts on a longer one', async () => {
      const atRight = Recorder.on(right)
      left.send(numberedFrame(7, connectionLimits.frameBytesMax))
      await atRight.until(() => atRight.frames.length === 1)
      expect(atRight.frames[0]!.length).toBe(connectionLimits.frameBytesMax)
      expect(frameNumber(atRight.frames[0]!)).toBe(7)
      expect(() => left.send(new Uint8Array(connectionLimits.frameBytesMax + 1))).toThrow('assertion failed')
    })

    test('delivers plain byte arrays, whose slice is a copy', async () => {
      const atRight = Recorder.on(right)
      left.send(numberedFrame(1, 100))
      await atRight.until(() => atRight.frames.length === 1)
      const frame = atRight.frames[0]!
      expect(Object.getPrototypeOf(frame)).toBe(Uint8Array.prototype)
      frame.slice(4).fill(99)
      expect(frameNumber(frame)).toBe(1)
    })

    test('delivers frames that came before attach after it, not within it', async () => {
      const atLeft = Recorder.on(left)
      for (let i = 0; i < 20; i++) left.send(numberedFrame(i, 50))
      right.send(numberedFrame(0, 4))
      // What comes back shows that the transport has run; frames may or may not all have come.
      await atLeft.until(() => atLeft.frames.length === 1)
      const atRight = new Recorder()
      right.attach(atRight)
      expect(atRight.frames.length).toBe(0)
      await atRight.until(() => atRight.frames.length === 20)
      expect(atRight.frames.map(frameNumber)).toEqual(Array.from({ length: 20 }, (_, i) => i))
    })

    test('holds a sender back while the reader stands still, and lets it go on after', async () => {
      const atLeft = Recorder.on(left)
      const length = 64 * 1024
      let sent = 0
      for (let stuck = false; !stuck;) {
        const drains = atLeft.drains
        while (left.send(numberedFrame(sent++, length)));
        expect(sent * length).toBeLessThan(acceptedBytesMax)
        stuck = !(await drainsSoon(atLeft, drains))
      }
      const drains = atLeft.drains
      const atRight = Recorder.on(right)
      await atRight.until(() => atRight.frames.length === sent)
      await atLeft.until(() => atLeft.drains > drains)
      expect(atRight.frames.map(frameNumber)).toEqual(Array.from({ length: sent }, (_, i) => i))
      left.send(numberedFrame(sent, length))
      await atRight.until(() => atRight.frames.length === sent + 1)
    })

    test('closes a sender that does not stop', async () => {
      const atLeft = Recorder.on(left)
      const frame = new Uint8Array(128 * 1024)
      let sent = 0
      // One turn of the event loop at a time, so that the transport has its chance to send.
      for (; atLeft.closes.length === 0 && sent * frame.length < 2 * acceptedBytesMax; sent++) {
        left.send(frame)
        if (sent % 32 === 0) await new Promise(resolve => setImmediate(resolve))
      }
      expect((await atLeft.close()).code).toBe('CONNECTION_OVERFLOW')
      expect(left.send(frame)).toBe(false)
    })

    test('tells both ends the reason of a close, once, after the frames before it', async () => {
      const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)]
      for (let i = 0; i < 50; i++) left.send(numberedFrame(i, 1_000))
      const reason = { code: 'TEST_DONE', message: 'so long; it was enough', retryAfterMs: 250 }
      left.close(reason)
      expect(atLeft.closes).toEqual([])
      expect(await atLeft.close()).toEqual(reason)
      expect(await atRight.close()).toEqual(reason)
      expect(atRight.frames.map(frameNumber)).toEqual(Array.from({ length: 50 }, (_, i) => i))
      left.close({ code: 'TEST_AGAIN', message: '' })
      right.close()
      expect(left.send(new Uint8Array(1))).toBe(false)
      expect(right.send(new Uint8Array(1))).toBe(false)
      await turn()
      expect([atLeft.closes.length, atRight.closes.length]).toEqual([1, 1])
    })

    test('says closed once at each end when both close at once', async () => {
      const [atLeft, atRight] = [Recorder.on(left), Recorder.on(right)]
      left.close({ code: 'TEST_LEFT', message: '' })
      right.close({ code: 'TEST_RIGHT', message: '' })
      expect((await atLeft.close()).code).toBe('TEST_LEFT')
      expect((await atRight.close()).code).toBe('TEST_RIGHT')
      await turn()
      expect([atLeft.closes.length, atRight.closes.length]).toEqual([1, 1])
    })

    test('delivers nothing after a close of its own', async () => {
      const atRight = Recorder.on(right)
      left.send(numberedFrame(0, 10))
      left.send(numberedFrame(1, 10))
      await atRight.until(() => atRight.frames.length >= 1)
      right.close()
      const seen = atRight.frames.length
      await atRight.close()
      await turn()
      expect(atRight.frames.length).toBe(seen)
    })

    test('tells a late attach the frames and then the close', async () => {
      const atLeft = Recorder.on(left)
      left.send(numberedFrame(3, 10))
      left.close({ code: 'TEST_EARLY', message: 'gone' })
      await atLeft.close()
      const atRight = Recorder.on(right)
      expect((await atRight.close()).code).toBe('TEST_EARLY')
      expect(atRight.frames.map(frameNumber)).toEqual([3])
    })

    test('counts bytes alike at both ends', async () => {
      const atRight = Recorder.on(right)
      Recorder.on(left)
      let sum = 0
      for (const [i, length] of [4, 125, 126, 70_000].entries()) {
        left.send(numberedFrame(i, length))
        sum += length
      }
      await atRight.until(() => atRight.frames.length === 4)
      expect(left.bytesOut).toBeGreaterThanOrEqual(sum)
      expect(left.bytesOut).toBeLessThan(sum + 4 * 20)
      expect(right.bytesIn).toBe(left.bytesOut)
      expect(right.bytesOut).toBe(0)
    })
  })
}

// Whether room is told of within a moment. A slow machine can only make the test less strict, never fail it.
async function drainsSoon(recorder: Recorder, drains: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const quiet = new Promise<boolean>(resolve => (timer = setTimeout(() => resolve(false), 250)))
  const drained = recorder.until(() => recorder.drains > drains || recorder.closes.length > 0).then(() => true)
  const result = await Promise.race([drained, quiet])
  clearTimeout(timer)
  expect(recorder.closes).toEqual([])
  return result
}

async function turn(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
}
