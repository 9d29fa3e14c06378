import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hlcFromMs, siteId, silentLogger, systemRandom } from '@selvedge/core'
import { definePoints, makeWriterKey } from '@selvedge/documents'
import { generateNodeKey, loadNodeKey, Roster } from '@selvedge/network'
import {
  controlClient,
  type ChangeAnswer,
  type ConfigAnswer,
  type ConfigHistoryAnswer,
  type ConflictAnswer,
  type ControlClient,
  type HeldBackAnswer,
  type ReadingAnswer,
  type WriteAnswer
} from '@selvedge/replica'
import { openSite } from './open-site.js'
import type { Site } from './site.js'

const points = definePoints(
  {
    'ahu/:unit/setpoint': { type: 'number', unit: '°C', min: 5, max: 40 },
    'ahu/:unit/fan': { type: 'priority', value: { type: 'number', unit: '%' }, relinquishDefault: 0 },
    visitors: { type: 'counter' },
    badges: { type: 'set' }
  },
  { strict: false }
)

let dataDir: string
let site: Site
let client: ControlClient

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'control-routes-'))
  client = controlClient(dataDir)
  await open()
})

async function open(): Promise<void> {
  const { node } = loadNodeKey(join(dataDir, 'node.key')).key
  const roster = new Roster(siteId('hq'), [
    { name: 'hq-1', node },
    { name: 'hq-2', node: generateNodeKey().node }
  ])
  site = (await openSite({ site: 'hq', dataDir, roster, points, mesh: false, log: silentLogger })) as unknown as Site
}

afterEach(async () => {
  await site.close()
  rmSync(dataDir, { recursive: true, force: true })
})

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = []
  for await (const item of items) taken.push(item)
  return taken
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'not refused',
    (error: { code: string }) => error.code
  )
}

describe('points', () => {
  it('are written, read, listed, expire, and are deleted', async () => {
    const put = await client.request<WriteAnswer>('PUT', '/points', {
      body: { path: 'ahu/1/setpoint', value: 21.5, quality: 'uncertain', durable: 'local', timeoutMs: 20_000 }
    })
    expect(put).toMatchObject({ shadowed: false, reached: 'local' })
    expect(await client.request<ReadingAnswer>('GET', '/points/get', { query: { path: 'ahu/1/setpoint' } })).toMatchObject({
      path: 'ahu/1/setpoint',
      value: 21.5,
      quality: 'uncertain',
      writerName: 'hq-1',
      reached: 'local'
    })
    await client.request('PUT', '/points', { body: { path: 'a/bytes', value: { $bytes: 'AQL/' }, expiresInMs: 3_600_000 } })
    const listed = await all(client.stream<ReadingAnswer>('/points/list', { query: { pattern: '*/**' } }))
    expect(listed.map(({ path, value }) => [path, value])).toEqual([
      ['ahu/1/setpoint', 21.5],
      ['a/bytes', { $bytes: 'AQL/' }]
    ])
    expect(site.points.get('a/bytes')?.value).toEqual(new Uint8Array([1, 2, 255]))
    expect(listed[1]!.expiresAtMs).toBeGreaterThan(listed[1]!.atMs)
    await client.request('DELETE', '/points', { query: { path: 'ahu/1/setpoint' } })
    expect(await refusal(client.request('GET', '/points/get', { query: { path: 'ahu/1/setpoint' } }))).toBe(
      'CONTROL_POINT_ABSENT'
    )
  })

  it.each([
    ['PUT', '/points', { path: 'ahu/1/setpoint', value: 99 }, 'POINT_REFUSED'],
    ['PUT', '/points', { path: 'ahu/1/fan', value: 9 }, 'POINT_REFUSED'],
    ['PUT', '/points', { path: 'a//b', value: 9 }, 'PATH_INVALID'],
    ['PUT', '/points', { path: 'a', value: 'x'.repeat(70_000) }, 'VALUE_TOO_LARGE'],
    ['PUT', '/points', { path: 'a' }, 'CONTROL_REQUEST_INVALID'],
    ['PUT', '/points', { path: 'a', value: 1, expireInMs: 5 }, 'CONTROL_REQUEST_INVALID'],
    ['PUT', '/points', { path: 'a', value: 1, expiresInMs: -5 }, 'CONTROL_REQUEST_INVALID'],
    ['PUT', '/points', { path: 'a', value: 1, quality: 'fine' }, 'CONTROL_REQUEST_INVALID'],
    ['PUT', '/points', { path: 'a', value: { $bytes: '?' } }, 'CONTROL_REQUEST_INVALID'],
    ['PUT', '/points', ['a', 1], 'CONTROL_REQUEST_INVALID'],
    ['PUT', '/points', { path: 'a', value: 1, space: 'nowhere' }, 'SPACE_UNKNOWN'],
    ['PUT', '/points', { path: 'a', value: 1, space: '../x' }, 'ID_INVALID'],
    ['PUT', '/points', { path: 'a', value: 1, site: 'other' }, 'CONTROL_SITE_UNKNOWN'],
    ['POST', '/held-back/release', { path: 'a' }, 'SHADOW_UNKNOWN'],
    ['POST', '/conflicts/restore', { id: 'abcdef' }, 'CONFLICT_UNKNOWN'],
    ['POST', '/isolate', { nodes: ['hq-9'] }, 'CONTROL_NODE_UNKNOWN'],
    ['POST', '/isolate', { nodes: ['hq-1'] }, 'CONTROL_NODE_UNKNOWN']
  ] as const)('%s %s is refused (case %#)', async (method, path, body, code) => {
    expect(await refusal(client.request(method, path, { body }))).toBe(code)
  })

  it('a write that is not durable in time stands', async () => {
    const body = { path: 'a', value: 1, durable: 'site', timeoutMs: 20 }
    expect(await refusal(client.request('PUT', '/points', { body }))).toBe('RECEIPT_ABORTED')
    expect(site.points.get('a')?.value).toBe(1)
  })

  it('are watched: what stands there, then changes, until the node closes', async () => {
    site.points.set('zone/1/temp', 20)
    const changes = client.stream<ChangeAnswer>('/watch', { query: { pattern: 'zone/**' } })
    expect((await changes.next()).value).toMatchObject({ path: 'zone/1/temp', value: 20, initial: true, writerName: 'hq-1' })
    site.points.set('other', 1)
    site.points.set('zone/1/temp', 21)
    expect((await changes.next()).value).toMatchObject({ value: 21, initial: false, origin: 'local' })
    site.points.delete('zone/1/temp')
    expect((await changes.next()).value).not.toHaveProperty('value')
    const rest = changes.next()
    await Promise.all([expect(rest).rejects.toMatchObject({ code: 'CONTROL_CLOSED' }), site.close()])
  })

  it('are watched from now on, when that is asked for; a bad pattern is told at once', async () => {
    site.points.set('zone/1/temp', 20)
    const changes = client.stream<ChangeAnswer>('/watch', { query: { pattern: 'zone/**', initial: false } })
    const first = changes.next()
    await expect
      .poll(async () => {
        site.points.set('zone/1/temp', site.points.get('zone/1/temp')!.value === 1 ? 2 : 1)
        return Promise.race([first, Promise.resolve(undefined)])
      })
      .toMatchObject({ value: { initial: false } })
    await changes.return!()
    expect(await refusal(client.stream('/watch', { query: { pattern: 'a//b' } }).next())).toBe('PATTERN_INVALID')
    expect(await refusal(client.stream('/points/list', { query: { pattern: 'a//b' } }).next())).toBe('PATTERN_INVALID')
  })

  it('that are counters, sets and priority arrays', async () => {
    expect(await client.request('POST', '/counters/increment', { body: { path: 'visitors', by: 5 } })).toMatchObject({ value: 5 })
    await client.request('POST', '/counters/increment', { body: { path: 'visitors' } })
    expect(await client.request('GET', '/counters/get', { query: { path: 'visitors' } })).toEqual({ path: 'visitors', value: 6 })
    await client.request('POST', '/sets/add', { body: { path: 'badges', element: 'b7' } })
    await client.request('POST', '/sets/add', { body: { path: 'badges', element: 'b9' } })
    expect(await client.request('POST', '/sets/remove', { body: { path: 'badges', element: 'b7' } })).toMatchObject({
      elements: ['b9']
    })
    expect(await client.request('GET', '/sets/get', { query: { path: 'badges' } })).toEqual({ path: 'badges', elements: ['b9'] })
    const path = 'ahu/1/fan'
    await client.request('POST', '/priority/write', { body: { path, level: 8, value: 60 } })
    await client.request('POST', '/priority/write', { body: { path, level: 2, value: 100, expiresInMs: 3_600_000 } })
    expect(await client.request('GET', '/priority/get', { query: { path } })).toMatchObject({
      path,
      current: { value: 100, level: 2 },
      levels: [
        { level: 2, value: 100 },
        { level: 8, value: 60 }
      ]
    })
    expect(await client.request('POST', '/priority/relinquish', { body: { path, level: 2 } })).toMatchObject({
      current: { value: 60 }
    })
    expect(await refusal(client.request('POST', '/priority/write', { body: { path, level: 17, value: 1 } }))).toBe(
      'LEVEL_INVALID'
    )
  })
})

describe('config', () => {
  it('is changed, released, read at earlier heads, and restored', async () => {
    expect(await client.request('GET', '/config')).toEqual([])
    expect(await refusal(client.request('GET', '/config/hvac'))).toBe('CONTROL_DOCUMENT_UNKNOWN')
    expect(await client.request('GET', '/config'), 'asking makes nothing').toEqual([])
    const change = (body: object): Promise<unknown> => client.request('POST', '/config/hvac%2Fmain/change', { body })
    await change({ path: 'lobby/setpoint', value: 21, message: 'first', release: true })
    await change({ path: ['lobby', 'modes'], value: ['eco'], message: 'modes' })
    await change({ path: 'lobby/modes/1', value: 'boost' })
    expect(await refusal(change({ path: 'lobby/setpoint/deeper', value: 1 }))).toBe('CONTROL_REQUEST_INVALID')
    expect(await refusal(change({ path: 'lobby/modes/7', value: 1 }))).toBe('CONTROL_REQUEST_INVALID')
    expect(await refusal(change({ path: 'lobby' }))).toBe('CONTROL_REQUEST_INVALID')
    const shown = await client.request<ConfigAnswer>('GET', '/config/hvac%2Fmain')
    expect(shown).toMatchObject({
      id: 'hvac/main',
      status: 'complete',
      current: { lobby: { setpoint: 21, modes: ['eco', 'boost'] } },
      released: { lobby: { setpoint: 21 } },
      release: { message: 'first' }
    })
    expect(shown.heads).toHaveLength(1)
    expect(await client.request('GET', '/config/hvac%2Fmain/conflicts')).toEqual({ conflicts: [] })
    const { changes } = await client.request<ConfigHistoryAnswer>('GET', '/config/hvac%2Fmain/history')
    expect(changes.map(({ message, authorName, released }) => [message, authorName, released])).toEqual([
      [undefined, 'hq-1', false],
      ['modes', 'hq-1', false],
      ['first', 'hq-1', true]
    ])
    const heads = changes[1]!.hash.slice(0, 10)
    expect(await client.request('GET', '/config/hvac%2Fmain/at', { query: { heads } })).toEqual({
      content: { lobby: { setpoint: 21, modes: ['eco'] } }
    })
    expect(await refusal(client.request('GET', '/config/hvac%2Fmain/at', { query: { heads: 'ffff' } }))).toBe(
      'CONFIG_HEADS_UNKNOWN'
    )
    await client.request('POST', '/config/hvac%2Fmain/restore', { body: { heads: [heads], message: 'back' } })
    await change({ path: 'lobby/setpoint', delete: true })
    const released = await client.request<ConfigAnswer>('POST', '/config/hvac%2Fmain/release', { body: { message: 'all' } })
    expect(released).toMatchObject({ current: { lobby: { modes: ['eco'] } }, released: { lobby: { modes: ['eco'] } } })
    expect(await client.request('GET', '/config')).toMatchObject([{ id: 'hvac/main', engine: 'automerge', status: 'complete' }])
  })

  it('can be replaced as a whole', async () => {
    await client.request('POST', '/config/lights/change', { body: { path: '', value: { a: 1, b: { c: 2 } } } })
    await client.request('POST', '/config/lights/change', { body: { path: '/', value: { b: 3 } } })
    expect(await client.request('GET', '/config/lights')).toMatchObject({ current: { b: 3 } })
    expect(await refusal(client.request('POST', '/config/lights/change', { body: { path: '/', value: 3 } }))).toBe(
      'CONTROL_REQUEST_INVALID'
    )
  })
})

describe('shared documents', () => {
  it('have texts and maps that are edited, and shown as JSON', async () => {
    expect(await refusal(client.request('GET', '/documents/notes'))).toBe('CONTROL_DOCUMENT_UNKNOWN')
    const text = (operation: string, body: object): Promise<unknown> =>
      client.request('POST', `/documents/notes/text/${operation}`, { body: { name: 'body', ...body } })
    await text('insert', { text: 'filter due 😀' })
    await text('insert', { text: 'AHU 1: ', at: 0 })
    expect(await refusal(text('insert', { text: 'x', at: 99 }))).toBe('CONTROL_REQUEST_INVALID')
    expect(await text('replace', { text: 'AHU 1: filter changed 😁' })).toEqual({
      name: 'body',
      text: 'AHU 1: filter changed 😁'
    })
    await client.request('POST', '/documents/notes/map', { body: { name: 'meta', key: 'by', value: { who: 'Kim' } } })
    await client.request('POST', '/documents/notes/map', { body: { name: 'meta', key: 'x', value: 1 } })
    expect(await client.request('POST', '/documents/notes/map', { body: { name: 'meta', key: 'x', delete: true } })).toEqual({
      name: 'meta',
      content: { by: { who: 'Kim' } }
    })
    expect(await refusal(client.request('GET', '/documents/notes/text', { query: { name: 'meta' } }))).toBe(
      'CONTROL_TYPE_MISMATCH'
    )
    const notes = site.document('notes')
    notes.doc.getArray('list').push([1, 'two'])
    expect(await client.request('GET', '/documents/notes')).toEqual({
      id: 'notes',
      engine: 'yjs',
      status: 'complete',
      content: { body: 'AHU 1: filter changed 😁', list: [1, 'two'], meta: { by: { who: 'Kim' } } }
    })
    notes.close()
    expect(await client.request('GET', '/documents')).toEqual([{ id: 'notes', engine: 'yjs', status: 'complete' }])
    expect(await client.request('GET', '/documents/notes/text', { query: { name: 'body' } })).toEqual({
      name: 'body',
      text: 'AHU 1: filter changed 😁'
    })
  })

  it('that came from elsewhere are shown without deciding what they are', async () => {
    const { doc } = site.document('plan')
    doc.getText('title').insert(0, 'first floor', { bold: true })
    doc.getText('title').insert(5, '!')
    doc.getArray('rooms').push(['a', { b: 1 }, new Uint8Array([1])])
    doc.getMap('meta').set('x', 1)
    doc.getMap('meta').set('x', 2)
    doc.getMap('meta').set('gone', 1)
    doc.getMap('meta').delete('gone')
    doc.getMap('emptied').set('y', 1)
    doc.getMap('emptied').delete('y')
    doc.getXmlFragment('drawing')
    await site.document('plan').flushed()
    await site.close()
    await open()
    const content = {
      emptied: {},
      meta: { x: 2 },
      rooms: ['a', { b: 1 }, { $bytes: 'AQ==' }],
      title: 'first! floor'
    }
    expect(await client.request('GET', '/documents/plan')).toMatchObject({ content })
    const map = (name: string): Promise<string> =>
      refusal(client.request('POST', '/documents/plan/map', { body: { name, key: 'k', value: 1 } }))
    expect([await map('title'), await map('rooms'), await map('meta')]).toEqual([
      'CONTROL_TYPE_MISMATCH',
      'CONTROL_TYPE_MISMATCH',
      'not refused'
    ])
    const { doc: again } = site.document('plan')
    expect(again.getArray('rooms').toJSON()).toHaveLength(3)
    expect(again.getText('title').length).toBe(12)
    expect(await client.request('GET', '/documents/plan')).toMatchObject({ content: { ...content, meta: { x: 2, k: 1 } } })
  })
})

describe('what merges leave behind', () => {
  it('conflicts are listed, and their losers restored', async () => {
    const { table, conflicts } = site.space('state').replica
    site.points.set('ahu/1/setpoint', 20)
    const { time, writer, seq } = table.get('ahu/1/setpoint')!
    const won = { time, writer: writer.key, seq, quality: 0 }
    const lost = { ...won, time: time - 1, writer: makeWriterKey(site.roster.nodes[1]!.node, time - 5, systemRandom) }
    conflicts.record({ path: 'ahu/1/setpoint', slot: '', winner: { ...won, value: 20 }, loser: { ...lost, value: 25 } })
    conflicts.record({ path: 'gone', slot: '', winner: { ...won, value: 1 }, loser: { ...lost, seq: 9, value: undefined } })
    const found = await client.request<ConflictAnswer[]>('GET', '/conflicts')
    expect(
      found.map(({ path, loser, winner }) => [path, loser.value, loser.writerName, winner.value, winner.writerName])
    ).toEqual(
      expect.arrayContaining([
        ['ahu/1/setpoint', 25, 'hq-2', 20, 'hq-1'],
        ['gone', undefined, 'hq-2', 1, 'hq-1']
      ])
    )
    expect(await client.request('GET', '/conflicts', { query: { max: 1 } })).toHaveLength(1)
    expect(await client.request('GET', '/conflicts', { query: { space: 'local' } })).toEqual([])
    const { id } = found.find(({ path }) => path === 'ahu/1/setpoint')!
    const answer = await client.request('POST', '/conflicts/restore', { body: { id: id.slice(0, 6), durable: 'local' } })
    expect(answer).toMatchObject({ reached: 'local', restored: { id, restored: true } })
    expect(site.points.get('ahu/1/setpoint')?.value).toBe(25)
    expect(await refusal(client.request('POST', '/conflicts/restore', { body: { id: '' } }))).toBe('CONFLICT_UNKNOWN')
  })

  it('writes held back are listed, released and discarded', async () => {
    const { table } = site.space('state').replica
    const aheadMs = 3_600_000
    const time = hlcFromMs(Date.now() + aheadMs)
    const writer = table.writer(makeWriterKey(site.roster.nodes[1]!.node, time - 5, systemRandom))
    const entry = { slot: '', value: 30, time, writer, quality: 0, expiresAtMs: 0, batch: 0 }
    table.merge({ ...entry, path: 'ahu/1/setpoint', seq: 1 }, 1)
    table.merge({ ...entry, path: 'ahu/2/setpoint', seq: 2 }, 1)
    const held = await client.request<HeldBackAnswer[]>('GET', '/held-back')
    expect(held).toMatchObject([
      { space: 'state', path: 'ahu/1/setpoint', value: 30, writerName: 'hq-2' },
      { space: 'state', path: 'ahu/2/setpoint', value: 30, writerName: 'hq-2' }
    ])
    expect(held[0]!.aheadMs).toBeGreaterThan(aheadMs - 60_000)
    await client.request('POST', '/held-back/release', { body: { path: 'ahu/1/setpoint' } })
    await client.request('POST', '/held-back/discard', { body: { path: 'ahu/2/setpoint' } })
    expect(site.points.get('ahu/1/setpoint')?.value).toBe(30)
    expect(site.points.get('ahu/2/setpoint')).toBeUndefined()
    expect(await client.request('GET', '/held-back')).toEqual([])
  })
})

describe('the node', () => {
  it('tells its status, and takes orders about its trunk and its neighbours', async () => {
    const told = await client.request<Record<string, unknown>>('GET', '/status')
    expect({ ...told, uptimeMs: 0 }).toEqual({
      ...(JSON.parse(JSON.stringify(site.status())) as Record<string, unknown>),
      uptimeMs: 0
    })
    expect(await client.request('POST', '/trunk', { body: { enabled: false } })).toEqual({})
    expect(await client.request('POST', '/isolate', { body: { nodes: ['hq-2'] } })).toEqual({ isolatedFrom: ['hq-2'] })
    expect(await client.request('POST', '/isolate', { body: { nodes: [] } })).toEqual({ isolatedFrom: [] })
    expect(await client.request('GET', '/conflicts')).toEqual([])
    expect(await client.request('GET', '/heal-reports')).toEqual([])
    expect(await client.request('GET', '/held-back')).toEqual([])
  })
})
