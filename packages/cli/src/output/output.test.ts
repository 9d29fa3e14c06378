import { describe, expect, it } from 'vitest'
import { styleFor } from './style.js'
import { list, table } from './table.js'
import { shownAge, shownBytes, shownDuration, shownTime, shownValue } from './text.js'

const plain = styleFor(false)

describe('a table', () => {
  const columns = [
    { title: 'PATH', value: (row: Row) => row.path },
    { title: 'VALUE', right: true, value: (row: Row) => row.value, style: () => 'bold' as const },
    { title: 'NOTE', optional: true, value: (row: Row) => row.note ?? '' }
  ]
  interface Row {
    path: string
    value: string
    note?: string
  }

  it('has columns as wide as what is in them, counted as people do', () => {
    expect(
      table<Row>(
        [
          { path: 'é👩‍🔧', value: '1' },
          { path: 'abc', value: '22222222' }
        ],
        columns,
        plain,
        'none'
      )
    ).toBe('PATH     VALUE\né👩‍🔧           1\nabc   22222222\n')
  })

  it('leaves out what nothing is in, and says when there is nothing', () => {
    expect(table<Row>([{ path: 'a', value: '1', note: 'x' }], columns, plain, 'none')).toBe('PATH  VALUE  NOTE\na         1  x\n')
    expect(table<Row>([], columns, plain, 'none')).toBe('none\n')
  })

  it('is coloured only where colours are seen', () => {
    expect(table<Row>([{ path: 'a', value: '1' }], columns, styleFor(true), 'none')).toContain('\u001b[1m    1\u001b[22m')
    expect(
      list(
        [
          ['a', '1'],
          ['bc', ''],
          ['d', '2']
        ],
        plain
      )
    ).toBe('a  1\nd  2\n')
  })
})

describe('values', () => {
  it.each([
    ['text', 'text'],
    [21.5, '21.5'],
    [null, 'null'],
    [undefined, '–'],
    [{ a: [1] }, '{"a":[1]}'],
    [{ $bytes: 'AQL/' }, '3 bytes 0102ff'],
    ['a\nb\u001b[31m\u202e', 'a\\u000ab\\u001b[31m\\u202e']
  ])('%j is shown as %s', (value, shown) => expect(shownValue(value)).toBe(shown))

  it('are cut between characters', () => {
    expect(shownValue('aé👩‍🔧d', 3)).toBe('aé…')
    expect(shownValue('aé👩‍🔧', 3)).toBe('aé👩‍🔧')
  })
})

describe('times', () => {
  it('are told in the largest unit that fits', () => {
    expect([250, 3_000, 119_000, 3_600_000, 86_400_000 * 12].map(shownDuration)).toEqual([
      '250 ms',
      '3 s',
      '2 min',
      '1 h',
      '12 d'
    ])
    expect([0, 999, 3_000].map(shownAge)).toEqual(['just now', 'just now', '3 s ago'])
    expect([999, 1_500, 2_340_000].map(shownBytes)).toEqual(['999 B', '1.5 kB', '2.3 MB'])
  })

  it('of another day have the day', () => {
    const at = new Date(2026, 0, 2, 3, 4, 5).getTime()
    expect(shownTime(at, at + 1)).toBe('03:04:05')
    expect(shownTime(at, at + 86_400_000)).toBe('2026-01-02 03:04:05')
  })
})
