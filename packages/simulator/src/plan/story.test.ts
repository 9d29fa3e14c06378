import { describe, expect, it } from 'vitest'
import { clockTime, milliseconds, shortly } from './duration.js'
import { causalStory } from './story.js'

describe('a story', () => {
  const finding = { check: 'c', fingerprint: 'f', sentence: 'a-2 lacks point/3', details: null, atMs: 100_000, event: 1 }

  it('keeps the end, and what has most to do with it', () => {
    const lines = Array.from({ length: 40 }, (_, i) => ({ atMs: i * 1_000, actor: 'b-1', text: `writes point/${i + 10}` }))
    lines[7] = { atMs: 7_000, actor: 'a-2', text: 'writes point/3 = 5' }
    lines[9] = { atMs: 9_000, actor: 'fault', text: 'partition a-2 | b-1' }
    lines.push({ atMs: 100_000, actor: 'c', text: finding.sentence }, { atMs: 200_000, actor: 'b-1', text: 'comes later' })
    const told = causalStory(lines, finding)
    expect(told).toHaveLength(10)
    expect(told[0]).toBe('… 32 other lines are left out')
    expect(told).toContain('00:00:07.000  a-2 writes point/3 = 5')
    expect(told).toContain('00:00:09.000  fault partition a-2 | b-1')
    expect(told.at(-1)).toBe('00:01:40.000  c a-2 lacks point/3')
  })

  it('is told whole when it is short', () => {
    const line = { atMs: 90_061_500, actor: 'a-1', text: 'reads x' }
    expect(causalStory([line], { ...finding, atMs: 90_061_500 })).toEqual(['1d 01:01:01.500  a-1 reads x'])
  })
})

describe('durations', () => {
  it('have units', () => {
    expect(['500ms', '1.5s', '2m', '9h', '60d'].map(text => milliseconds(text as '1s'))).toEqual([
      500, 1_500, 120_000, 32_400_000, 5_184_000_000
    ])
    expect(milliseconds(7)).toBe(7)
    expect(() => milliseconds('5 weeks' as '5s')).toThrow('use 500ms')
    expect([500, 1_500, 32_400_000, 5_184_000_000, 90_000].map(shortly)).toEqual(['500ms', '1.5s', '9h', '60d', '1.5m'])
    expect(clockTime(3_250)).toBe('00:00:03.250')
  })
})
