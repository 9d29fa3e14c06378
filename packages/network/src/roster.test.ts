import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isSelvedgeError, siteId } from '@selvedge/core'
import { parseRoster, parseRosters } from './roster.js'
import { loadRoster, loadRosters } from './system/roster-file.js'
import { testKey } from './testing/fixtures.js'

const [one, two, relay, stranger] = [1, 2, 3, 4].map(number => testKey(number).node)
const good = {
  site: 'hq',
  nodes: [
    { name: 'hq-1', node: one },
    { name: 'hq-2', node: two }
  ],
  relay: { name: 'relay', node: relay }
}

function placeOf(json: unknown): unknown {
  try {
    parseRoster(typeof json === 'string' ? json : JSON.stringify(json))
  } catch (error) {
    if (isSelvedgeError(error, 'ROSTER_INVALID')) return error.details.place
    throw error
  }
  return undefined
}

test('says who belongs to the site', () => {
  const roster = parseRoster(JSON.stringify(good))
  expect(roster.admits(one!)).toBe(true)
  expect(roster.admits(stranger!)).toBe(false)
  expect(roster.admits(relay!)).toBe(false)
  expect(roster.get(two!)?.name).toBe('hq-2')
  expect([one, relay, stranger].map(node => roster.nameOf(node!))).toEqual(['hq-1', 'relay', stranger])
})

test('a site may do without a relay', () => {
  expect(parseRoster(JSON.stringify({ site: 'hq', nodes: [] })).relay).toBeUndefined()
})

test.each([
  ['site', { ...good, site: 'Not A Site' }],
  ['site', { nodes: [] }],
  ['nodes', { site: 'hq', nodes: {} }],
  ['nodes[1].node', { ...good, nodes: [good.nodes[0], { name: 'x', node: '12D3KooWnonsense' }] }],
  ['nodes[1].node', { ...good, nodes: [good.nodes[0], { name: 'x', node: one }] }],
  ['nodes[1].name', { ...good, nodes: [good.nodes[0], { name: 'hq-1', node: two }] }],
  ['nodes[0].name', { ...good, nodes: [{ name: 'a\nb', node: one }] }],
  ['nodes[0]', { ...good, nodes: ['hq-1'] }],
  ['relay.node', { ...good, relay: { name: 'relay' } }],
  ['relay.node', { ...good, relay: { name: 'relay', node: one } }],
  ['realy', { ...good, relay: undefined, realy: good.relay }],
  ['the roster', 'null'],
  ['line 2, column 1', '{"site": "hq"\n"nodes": []}']
])('tells the place of a mistake: %s', (place, json) => {
  expect(placeOf(json)).toBe(place)
})

test('a relay reads a list, each site once', () => {
  const rosters = parseRosters(JSON.stringify([good, { ...good, site: 'annex' }]))
  expect([...rosters.keys()]).toEqual(['hq', 'annex'])
  expect([...parseRosters(JSON.stringify(good)).keys()]).toEqual(['hq'])
  expect(() => parseRosters(JSON.stringify([good, good]))).toThrow('[1].site')
})

test('files: a missing one and a bad one are told with their name', () => {
  const directory = mkdtempSync(join(tmpdir(), 'selvedge-roster-'))
  try {
    const file = join(directory, 'roster.json')
    expect(() => loadRoster(file)).toThrow(expect.objectContaining({ code: 'ROSTER_UNREADABLE' }))
    writeFileSync(file, JSON.stringify({ ...good, nodes: [1] }))
    expect(() => loadRoster(file)).toThrow(
      expect.objectContaining({ code: 'ROSTER_INVALID', details: { place: 'nodes[0]', file } })
    )
    writeFileSync(file, JSON.stringify([good]))
    expect(loadRosters(file).get(siteId('hq'))?.nodes.length).toBe(2)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
