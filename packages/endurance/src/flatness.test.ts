import { describe, expect, it } from 'vitest'
import { flatness, slope, type Sample } from './flatness.js'

function series(count: number, value: (i: number) => number): Sample[] {
  return Array.from({ length: count }, (_, i) => ({ atMs: i * 1_000, value: value(i) }))
}

const rule = { share: 0.1, least: 0 }

describe('slope', () => {
  it('is that of a line, and a quarter of outliers does not move it', () => {
    expect(slope(series(40, i => 5 + 3 * i))).toBeCloseTo(0.003)
    expect(slope(series(40, i => (i % 4 === 3 ? 1_000 : 5 + 3 * i)))).toBeLessThan(0.0045)
  })
})

describe('flatness', () => {
  it('holds for a saw, for what falls, and for what grew only while the run began', () => {
    expect(
      flatness(
        series(90, i => 100 + (i % 10)),
        rule
      )
    ).toMatchObject({ flat: true })
    expect(
      flatness(
        series(90, i => 200 - i),
        rule
      )
    ).toMatchObject({ flat: true })
    expect(
      flatness(
        series(90, i => Math.min(i, 30)),
        rule
      )
    ).toMatchObject({ flat: true, level: 30, drift: 0 })
  })

  it('sees growth beyond the share of the level, and lets pass what is below the least', () => {
    expect(
      flatness(
        series(90, i => 100 + i),
        rule
      )
    ).toMatchObject({ flat: false })
    expect(
      flatness(
        series(90, i => 100 + i / 20),
        rule
      )
    ).toMatchObject({ flat: true })
    expect(
      flatness(
        series(90, i => i / 20),
        rule
      )
    ).toMatchObject({ flat: false })
    expect(
      flatness(
        series(90, i => i / 20),
        { share: 0.1, least: 8 }
      )
    ).toMatchObject({ flat: true })
  })

  it('says nothing of too few samples', () => {
    expect(
      flatness(
        series(5, i => i),
        rule
      )
    ).toBeUndefined()
    expect(flatness([], rule)).toBeUndefined()
  })
})
