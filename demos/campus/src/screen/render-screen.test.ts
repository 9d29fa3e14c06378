import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cloudEqual, renderScreen, siteEqual, type NodeView, type ScreenState, type SiteView } from './index.js'
import { fit, printable, textWidth, truncate } from './text-width.js'

const escape = new RegExp(String.raw`${String.fromCharCode(27)}\[[0-9;]*m`, 'g')

function node(name: string, more: Partial<NodeView> = {}): NodeView {
  return {
    name,
    state: 'up',
    trunk: '-',
    peers: 2,
    writesPerSecond: 102,
    backlog: 0,
    lagMs: 3.42,
    hash: '9f3ac2d1e0ff',
    provenAgoMs: undefined,
    ...more
  }
}

function site(name: string, more: Partial<SiteView> = {}): SiteView {
  const nodes = [node(`${name}-1`, { trunk: 'held' }), node(`${name}-2`), node(`${name}-3`)]
  return { name, trunkCut: false, split: false, nodes, cloudHash: '9f3ac2d1e0ff', cloudProvenAgoMs: undefined, ...more }
}

function state(more: Partial<ScreenState> = {}): ScreenState {
  return { elapsedMs: 3_723_000, relay: 'up', sites: [site('a'), site('b'), site('c')], selected: 0, events: [], ...more }
}

const size = { columns: 100, rows: 30 }
const render = (more: Partial<ScreenState> = {}, at = size): string[] => renderScreen(state(more), at)
const lineOf = (lines: string[], text: string): string => lines.find(line => line.includes(text)) ?? `no line has ${text}`

describe('renderScreen', () => {
  it('shows a healthy campus', () => {
    const lines = render()
    expect(lines.length).toBe(30)
    expect(lines[0]).toBe(' Selvedge campus   1:02:03   10 of 10 processes up   relay up')
    expect(lines[1]).toBe('   node         state     trunk  peers  writes/s   backlog   lag ms   hash      cloud')
    expect(lines[2]).toBe(' ▸ 1 building a   trunk whole   site equal   cloud equal  9f3ac2d1')
    expect(lines[3]).toBe('   a-1          up        held       2       102         0      3.4   9f3ac2d1  equal')
    expect(lines.at(-1)).toBe(
      '1/2/3 building  c cut/restore trunk  k kill -9 a node  r restart it  s split/heal building  q quit'
    )
  })

  it('marks the selected building alone', () => {
    const marked = render({ selected: 2 }).filter(line => line.includes('▸'))
    expect(marked.length).toBe(1)
    expect(marked[0]).toContain('3 building c')
  })

  it('shows a cut, a split and a dead node', () => {
    const lines = render({
      relay: 'down',
      sites: [
        site('b', {
          trunkCut: true,
          split: true,
          nodes: [
            node('b-1', { trunk: 'cut', backlog: 12_345, hash: 'ffee', lagMs: 1_234 }),
            node('b-2', { state: 'killed', peers: 7, hash: 'dead' }),
            node('b-3', { lagMs: undefined, hash: undefined })
          ]
        })
      ]
    })
    expect(lines[0]).toContain('2 of 4 processes up   relay down')
    expect(lineOf(lines, 'building b')).toContain('trunk CUT   SPLIT   site -   cloud differs')
    expect(lineOf(lines, 'b-1')).toBe('   b-1          up        cut        2       102       12k     1234   ffee      differs')
    expect(lineOf(lines, 'b-2')).toBe('   b-2          killed    -')
    expect(lineOf(lines, 'b-3')).toBe('   b-3          up        -          2       102         0        -   -         -')
  })

  it('tells equality of the site and of the cloud apart, by nodes that are up', () => {
    const dead = node('a-3', { state: 'killed', hash: 'old' })
    const head = (nodes: NodeView[], cloudHash: string | undefined): string =>
      lineOf(render({ sites: [site('a', { nodes, cloudHash })] }), 'building a')
    expect(head([node('a-1'), node('a-2'), dead], '9f3ac2d1e0ff')).toContain('site equal   cloud equal')
    expect(head([node('a-1'), node('a-2'), dead], 'other')).toContain('site equal   cloud differs')
    expect(head([node('a-1'), node('a-2', { hash: 'x' })], '9f3ac2d1e0ff')).toContain('site differs   cloud differs')
    expect(head([node('a-1'), dead], undefined)).toContain('site -   cloud -')
    // Hashes that begin alike are not equal for that.
    expect(head([node('a-1'), node('a-2', { hash: '9f3ac2d1ffff' })], '9f3ac2d1e0ff')).toContain('site differs')
  })

  it('shows the newest events that fit, oldest first', () => {
    const events = Array.from({ length: 50 }, (_, i) => ({ atMs: i * 1_000, text: `event ${i}` }))
    const lines = render({ events })
    const shown = lines.filter(line => /event \d/.test(line))
    expect(shown.at(0)).toBe(' 0:00:36  event 36')
    expect(shown.at(-1)).toBe(' 0:00:49  event 49')
    expect(lines.indexOf(shown.at(-1)!)).toBe(28)
  })

  it('gives up events first, then the end of the table, never the keys', () => {
    const events = [{ atMs: 0, text: 'something' }]
    expect(lineOf(render({ events }, { columns: 100, rows: 15 }), 'something')).toContain('no line has')
    const short = render({ events }, { columns: 100, rows: 6 })
    expect(short.length).toBe(6)
    expect(short.at(-1)).toContain('q quit')
    expect(short[2]).toContain('building a')
    expect(render({}, { columns: 100, rows: 1 })).toEqual([expect.stringContaining('q quit')])
    expect(render({}, { columns: 100, rows: 0 })).toEqual([])
  })

  it('shortens the keys where the terminal is narrow', () => {
    expect(render({}, { columns: 60, rows: 30 }).at(-1)).toBe('1/2/3 building  c trunk  k kill  r restart  s split  q quit')
  })

  it('uses colours only when asked to, and says the same without', () => {
    const more = { events: [{ atMs: 0, text: 'lost', tone: 'bad' as const }], sites: [site('a', { trunkCut: true })] }
    const plain = renderScreen(state(more), size)
    const coloured = renderScreen(state(more), { ...size, colour: true })
    expect(plain.join('')).not.toContain('\u001b')
    expect(coloured.map(line => line.replace(escape, '').trimEnd())).toEqual(plain)
    expect(lineOf(coloured, 'CUT')).toContain('\u001b[31mCUT\u001b[0m')
    expect(lineOf(coloured, 'lost')).toContain('\u001b[31mlost\u001b[0m')
  })

  it('writes nothing to the terminal that came from outside as a control sequence', () => {
    const text = 'a\u001b[2J\u001b]0;title\u0007b\r\nc\u009b31m\u0000d\u202ee'
    const lines = renderScreen(
      state({ events: [{ atMs: 0, text }], sites: [site('a', { nodes: [node('n\u001b[31m\n1', { hash: '\u001b[31mx' })] })] }),
      size
    )
    expect(lines.join('\n').replace(/\n/g, '')).toMatch(/^[^\p{Control}\u202e]*$/u)
    expect(lineOf(lines, '0:00:00')).toBe(' 0:00:00  ab c 31m d e')
    expect(lines.length).toBe(30)
  })

  it('never gives a line wider than the terminal, nor another number of lines', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 60 })
    const nodeView = fc.record({
      name: text,
      state: fc.constantFrom('up', 'starting', 'down', 'killed' as const),
      trunk: fc.constantFrom('held', 'cut', '-' as const),
      peers: fc.nat(),
      writesPerSecond: fc.double({ min: 0, max: 1e9, noNaN: true }),
      backlog: fc.nat(),
      lagMs: fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: undefined }),
      hash: fc.option(text, { nil: undefined }),
      provenAgoMs: fc.option(fc.nat(), { nil: undefined })
    })
    const siteView = fc.record({
      name: text,
      trunkCut: fc.boolean(),
      split: fc.boolean(),
      nodes: fc.array(nodeView, { maxLength: 4 }),
      cloudHash: fc.option(text, { nil: undefined }),
      cloudProvenAgoMs: fc.option(fc.nat(), { nil: undefined })
    })
    const view = fc.record({
      elapsedMs: fc.nat(),
      relay: fc.constantFrom('up', 'killed' as const),
      sites: fc.array(siteView, { maxLength: 4 }),
      selected: fc.nat(4),
      events: fc.array(fc.record({ atMs: fc.nat(), text }), { maxLength: 20 })
    })
    fc.assert(
      fc.property(
        view,
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (shown, columns, rows, colour) => {
          const lines = renderScreen(shown, { columns, rows, colour })
          expect(lines.length).toBe(rows)
          for (const line of lines) expect(textWidth(line.replace(escape, ''))).toBeLessThanOrEqual(columns)
        }
      ),
      { numRuns: 200 }
    )
  })
})

describe('text width', () => {
  it.each([
    ['plain', 5],
    ['Büro', 4],
    ['Bu\u0308ro', 4],
    ['温度', 4],
    ['ｱ', 1],
    ['Ａ', 2],
    ['🔥', 2],
    ['👩‍🔧', 2],
    ['☀️', 2],
    ['▸─…', 3],
    ['a\u200bb', 2],
    ['한국', 4]
  ])('%s takes %i', (text, width) => {
    expect(textWidth(text)).toBe(width)
  })

  it('cuts between characters, never inside one', () => {
    expect(truncate('abcdef', 6)).toBe('abcdef')
    expect(truncate('abcdef', 4)).toBe('abc…')
    expect(truncate('温度計', 4)).toBe('温…')
    expect(truncate('a👩‍🔧b', 2)).toBe('a…')
    expect(truncate('abc', 1)).toBe('…')
    expect(truncate('abc', 0)).toBe('')
    expect(truncate('Bu\u0308ro', 3)).toBe('Bu\u0308…')
  })

  it('fills to the width', () => {
    expect(fit('温', 4)).toBe('温  ')
    expect(fit('7', 4, 'right')).toBe('   7')
    expect(fit('温度', 4, 'right')).toBe('温度')
  })

  it('drops what steers a terminal', () => {
    expect(printable('a\u001b[1;31mb\u001b]8;;http://x\u001b\\c\td')).toBe('abc d')
  })
})

describe('equality under load', () => {
  const busy = (provenAgoMs: number | undefined): SiteView =>
    site('a', {
      nodes: [node('a-1', { hash: 'aa', provenAgoMs }), node('a-2', { hash: 'bb', provenAgoMs })],
      cloudHash: 'cc',
      cloudProvenAgoMs: provenAgoMs
    })

  it('takes a fresh comparison of hashes for hashes that were read one after the other', () => {
    expect([siteEqual(busy(1_000)), cloudEqual(busy(1_000))]).toEqual([true, true])
    expect([siteEqual(busy(60_000)), cloudEqual(busy(60_000))]).toEqual([false, false])
    expect(siteEqual(busy(undefined))).toBe(false)
  })

  it('does not call the cloud equal while the trunk is cut', () => {
    expect(cloudEqual({ ...busy(1_000), trunkCut: true })).toBe(false)
  })
})
