/** The watermark follows the commits: at once after a pause, seldom while they come thick, and to the last one in the end. */
import { describe, expect, it } from 'vitest'
import { ManualClock, silentLogger } from '@selvedge/core'
import { WatermarkWriter } from './watermark-writer.js'

function open(): { clock: ManualClock; written: number[]; writer: WatermarkWriter; failing: (is: boolean) => void } {
  const clock = new ManualClock(Date.UTC(2026, 5, 1))
  const written: number[] = []
  let fails = false
  const watermark = {
    read: () => Promise.resolve(written.at(-1)),
    write: (sequence: number) => {
      if (fails) return Promise.reject(new Error('no'))
      written.push(sequence)
      return Promise.resolve()
    },
    close: () => Promise.resolve()
  }
  return { clock, written, writer: new WatermarkWriter(watermark, clock, silentLogger), failing: is => (fails = is) }
}

const settled = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve()
}

describe('the writer of the watermark', () => {
  it('writes the first commit at once, those that follow once an interval, and the last one', async () => {
    const { clock, written, writer } = open()
    for (let sequence = 1; sequence <= 39; sequence++) {
      writer.advance(sequence)
      await settled()
      clock.advance(1)
      await settled()
    }
    expect(written).toEqual([1, 20])
    clock.advance(20)
    await settled()
    expect(written).toEqual([1, 20, 39])
    writer.advance(40)
    await writer.close()
    expect(written).toEqual([1, 20, 39, 40])
    writer.advance(41)
    clock.advance(1_000)
    await settled()
    expect(written).toEqual([1, 20, 39, 40])
  })

  it('tries again with the next commit what failed', async () => {
    const { clock, written, writer, failing } = open()
    failing(true)
    writer.advance(1)
    await settled()
    failing(false)
    clock.advance(1_000)
    expect(written).toEqual([])
    writer.advance(2)
    await settled()
    expect(written).toEqual([2])
    failing(true)
    writer.advance(3)
    await writer.close()
    expect(written).toEqual([2])
  })
})
