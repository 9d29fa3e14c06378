import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeCloseReason, parseCloseReason } from './close-reason.js'
import { connectionLimits } from './connection-limits.js'
import { encodeClose, FrameDecoder, framePrefix, type StreamMessage } from './mesh-frames.js'

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

test('frames come out whole however the bytes are cut', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), fc.array(fc.integer({ min: 1, max: 30 })), (frames, cuts) => {
      const reason = { code: 'TEST_DONE', message: 'bye' }
      const bytes = joined([...frames.flatMap(frame => [framePrefix(frame.length), frame]), encodeClose(reason)])
      const decoder = new FrameDecoder()
      const messages: StreamMessage[] = []
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const next = at + (cuts[i % Math.max(1, cuts.length)] ?? bytes.length)
        expect(decoder.push(bytes.subarray(at, next), message => messages.push(message) > 0)).toBeUndefined()
        at = next
      }
      expect(messages).toEqual([...frames.map(frame => ({ type: 'frame', frame })), { type: 'close', reason }])
    })
  )
})

test('a longer announcement is refused before its bytes come', () => {
  const refused = (prefix: Uint8Array) => new FrameDecoder().push(prefix, () => true)?.code
  expect(refused(framePrefix(connectionLimits.frameBytesMax))).toBeUndefined()
  expect(refused(framePrefix(connectionLimits.frameBytesMax + 1))).toBe('FRAME_TOO_LARGE')
  expect(refused(Uint8Array.of(0xff, 0xff, 0xff, 0xff))).toBe('FRAME_TOO_LARGE')
  expect(refused(joined([Uint8Array.of(0x80, 0, 0, 3), Uint8Array.of(1, 2, 3)]))).toBe('FRAME_INVALID')
})

test('decoding stops when the receiver has enough', () => {
  let seen = 0
  const bytes = joined([framePrefix(1), Uint8Array.of(1), framePrefix(1), Uint8Array.of(2)])
  new FrameDecoder().push(bytes, () => ++seen < 1)
  expect(seen).toBe(1)
})

test('close reasons cross whole, or with their message cut', () => {
  const reason = { code: 'A_CODE', message: 'a; b ü', retryAfterMs: 12 }
  expect(parseCloseReason(encodeCloseReason(reason, 123))).toEqual(reason)
  const long = encodeCloseReason({ code: 'A_CODE', message: 'ü'.repeat(300) }, 123)
  expect(Buffer.byteLength(long)).toBeLessThanOrEqual(123)
  expect(parseCloseReason(long)?.message).toMatch(/^ü+$/)
})

test('what is no close reason is not taken for one', () => {
  for (const text of ['', 'A_CODE', 'A_CODE;', 'lower;;x', ';;x', 'A_CODE;-1;x', 'A_CODE;1e9;x', `${'A'.repeat(65)};;x`])
    expect(parseCloseReason(text)).toBeUndefined()
  expect(parseCloseReason('A_CODE;999999999;x')?.retryAfterMs).toBe(600_000)
  expect(parseCloseReason('A_CODE;;a\nb')?.message).toBe('a b')
})
