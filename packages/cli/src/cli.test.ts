import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Spawned, type Ended } from './testing/spawned.js'

let root: string
const left: Spawned[] = []

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'selvedge-cli-'))
})
afterEach(async () => {
  await Promise.all(left.splice(0).map(spawned => spawned.stop('SIGKILL')))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

function selvedge(...args: string[]): Promise<Ended> {
  return new Spawned(args, root).ended
}

/** Runs a command that must succeed, and gives what it printed. */
async function ok(...args: string[]): Promise<string> {
  const { code, out, err } = await selvedge(...args)
  expect({ code, err }, args.join(' ')).toEqual({ code: 0, err: '' })
  return out
}

async function json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  return JSON.parse(await ok(...args, '--json')) as T
}

function started(...args: string[]): Spawned {
  const spawned = new Spawned(args, root)
  left.push(spawned)
  return spawned
}

async function startNode(data: string, ...more: string[]): Promise<Spawned> {
  const node = started('node', '--site', 'hq', '--roster', 'roster.json', '--data', data, '--no-mesh', '--json', ...more)
  expect(await node.json()).toMatchObject({ event: 'running', site: 'hq', addresses: [] })
  return node
}

describe('before the first start', () => {
  it('a checkout that was never built says so', async () => {
    const copy = join(root, 'cli', 'bin', 'selvedge.mjs')
    cpSync(join(import.meta.dirname, '../bin/selvedge.js'), copy)
    const run = spawnSync(process.execPath, [copy, '--help'], { encoding: 'utf8' })
    expect(run).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^selvedge: .*npm run build.*\n$/) as unknown
    })
  })

  it('a key is made once, and a roster names it', async () => {
    const id = (await ok('key', '--data', 'a')).trim()
    expect(id).toMatch(/^12D3KooW/)
    expect(await ok('key', '--data', 'a')).toBe(`${id}\n`)
    const other = (await json<{ node: string }>('key', '--data', 'b')).node
    await ok('roster', 'init', 'roster.json', '--site', 'hq')
    expect(await selvedge('roster', 'init', 'roster.json', '--site', 'hq')).toMatchObject({
      code: 1,
      err: expect.stringContaining('CLI_FILE_EXISTS')
    })
    await ok('roster', 'add', 'roster.json', 'hq-1', id)
    expect(await selvedge('roster', 'add', 'roster.json', 'hq-1', other)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ROSTER_INVALID')
    })
    const stranger = await selvedge('node', '--site', 'hq', '--roster', 'roster.json', '--data', 'b', '--no-mesh')
    expect(stranger).toMatchObject({ code: 1, out: '' })
    expect(stranger.err).toContain(`selvedge roster add ROSTER NAME ${other}`)
    await ok('roster', 'add', 'roster.json', 'hq-2', other)
    const relay = (await ok('key', '--data', 'relay')).trim()
    await ok('roster', 'add', 'roster.json', 'cloud', relay, '--relay')
    expect((await ok('roster', 'show', 'roster.json')).split('\n').map(line => line.trim().split(/\s+/))).toEqual([
      ['site', 'hq'],
      ['NAME', 'ROLE', 'NODE'],
      ['hq-1', 'node', id],
      ['hq-2', 'node', other],
      ['cloud', 'relay', relay],
      ['']
    ])
  })
})

describe('a running node', () => {
  it('is asked and told: points', async () => {
    await startNode('a')
    expect(await ok('set', 'ahu/1/setpoint', '21.5', '-d', 'a', '--durable', 'local')).toBe(
      'set ahu/1/setpoint to 21.5; durable here\n'
    )
    await ok('set', 'ahu/1/mode', 'eco', '-d', 'a', '--quality', 'uncertain', '--expires', '30m')
    await ok('set', 'ahu/1/label', '"42"', '-d', 'a')
    await ok('set', 'ahu/1/evil', 'a\u001b[31mred', '-d', 'a')
    expect(await json('get', 'ahu/1/label', '-d', 'a')).toMatchObject({ path: 'ahu/1/label', value: '42', writerName: 'hq-1' })
    expect(await ok('get', 'ahu/1/setpoint', '--value', '-d', 'a')).toBe('21.5\n')
    const table = (await ok('get', 'ahu/*/*', '-d', 'a')).split('\n')
    expect(table[0]).toMatch(/^PATH +VALUE +QUALITY +AGE +WRITER +REACHED +NOTE$/)
    expect(table[1]).toMatch(/^ahu\/1\/evil +a\\u001b\[31mred +good /)
    expect(table[3]).toMatch(/^ahu\/1\/mode +eco +uncertain +.*hq-1 +\w+ +expires in (29|30) min$/)
    expect(await ok('delete', 'ahu/1/label', '-d', 'a')).toMatch(/^deleted ahu\/1\/label/)
    expect(await selvedge('get', 'ahu/1/label', '-d', 'a')).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('(CONTROL_POINT_ABSENT)')
    })
    const timedOut = await selvedge('set', 'x', '1', '-d', 'a', '--durable', 'site', '--timeout', '20ms')
    expect(timedOut).toMatchObject({ code: 1, err: expect.stringContaining('(RECEIPT_ABORTED)') })
    expect(await json<unknown[]>('get', '-d', 'a', '--space', 'local')).toEqual([])
    expect(await selvedge('get', '-d', 'a', '--space', 'nowhere')).toMatchObject({
      code: 1,
      err: expect.stringContaining('(SPACE_UNKNOWN)')
    })
  })

  it('is watched', async () => {
    await startNode('a')
    await ok('set', 'zone/1/temp', '20', '-d', 'a')
    const watch = started('watch', 'zone/**', '-d', 'a', '--json', '--count', '3')
    expect(await watch.json()).toMatchObject({ path: 'zone/1/temp', value: 20, initial: true })
    await ok('set', 'zone/1/temp', '21', '-d', 'a')
    expect(await watch.json()).toMatchObject({
      path: 'zone/1/temp',
      value: 21,
      initial: false,
      origin: 'local',
      writerName: 'hq-1'
    })
    await ok('delete', 'zone/1/temp', '-d', 'a')
    expect(await watch.json()).not.toHaveProperty('value')
    expect(await watch.ended).toMatchObject({ code: 0, err: '' })
    const stopped = started('watch', '-d', 'a')
    await stopped.line()
    expect(await stopped.stop('SIGINT')).toMatchObject({ code: 0, err: '' })
  })

  it('a watch ends with it, and says so', async () => {
    const node = await startNode('a')
    await ok('set', 'a', '1', '-d', 'a')
    const watch = started('watch', 'a', '-d', 'a', '--json')
    await watch.json()
    expect(await node.stop('SIGTERM')).toMatchObject({ code: 0, err: '' })
    expect(await watch.ended).toMatchObject({ code: 3, err: expect.stringContaining('(CONTROL_CLOSED)') })
  })

  it('has config that is changed, released and rolled back', async () => {
    await startNode('a')
    await ok('config', 'set', 'hvac', 'lobby/setpoint', '21', '-m', 'first', '--release', '-d', 'a')
    await ok('config', 'set', 'hvac', 'lobby/modes', '["eco"]', '-m', 'modes', '-d', 'a')
    expect(await ok('config', 'get', 'hvac', 'lobby/modes', '-d', 'a')).toBe('[\n  "eco"\n]\n')
    expect(JSON.parse(await ok('config', 'get', 'hvac', 'lobby', '--released', '-d', 'a'))).toEqual({ setpoint: 21 })
    const { changes } = await json<{ changes: { hash: string; message: string }[] }>('config', 'history', 'hvac', '-d', 'a')
    expect(changes.map(({ message }) => message)).toEqual(['modes', 'first'])
    await ok('config', 'release', 'hvac', '-d', 'a')
    expect(JSON.parse(await ok('config', 'get', 'hvac', 'lobby', '--released', '-d', 'a'))).toEqual({
      setpoint: 21,
      modes: ['eco']
    })
    const first = changes[1]!.hash.slice(0, 8)
    await ok('config', 'restore', 'hvac', first, '-m', 'back', '--release', '-d', 'a')
    expect(JSON.parse(await ok('config', 'get', 'hvac', 'lobby', '--released', '-d', 'a'))).toEqual({ setpoint: 21 })
    expect(await ok('config', 'list', '-d', 'a')).toMatch(/hvac +complete/)
    expect(await selvedge('config', 'get', 'lights', '-d', 'a')).toMatchObject({
      code: 1,
      err: expect.stringContaining('(CONTROL_DOCUMENT_UNKNOWN)')
    })
  })

  it('has shared documents', async () => {
    await startNode('a')
    await ok('doc', 'text', 'notes', 'body', '--insert', 'filter due', '-d', 'a')
    await ok('doc', 'text', 'notes', 'body', '--insert', 'AHU 1: ', '--at', '0', '-d', 'a')
    expect(await ok('doc', 'text', 'notes', 'body', '--replace', 'AHU 1: filter changed', '-d', 'a')).toBe(
      'AHU 1: filter changed\n'
    )
    await ok('doc', 'map', 'notes', 'meta', 'by', 'Kim', '-d', 'a')
    expect(JSON.parse(await ok('doc', 'show', 'notes', '-d', 'a'))).toEqual({
      body: 'AHU 1: filter changed',
      meta: { by: 'Kim' }
    })
    expect(await ok('doc', 'list', '-d', 'a')).toMatch(/notes +yjs +complete/)
  })

  it('has counters, sets and priority arrays, and definitions of points from a file', async () => {
    const points = {
      'ahu/:unit/setpoint': { type: 'number', unit: '°C', min: 5, max: 40 },
      'ahu/:unit/fan': { type: 'priority', value: { type: 'number' }, relinquishDefault: 0 },
      visitors: { type: 'counter' },
      badges: { type: 'set' }
    }
    writeFileSync(join(root, 'points.json'), JSON.stringify(points))
    await startNode('a', '--points', 'points.json')
    expect(await ok('counter', 'visitors', '--add', '3', '-d', 'a')).toBe('visitors = 3\n')
    expect(await ok('counter', 'visitors', '-d', 'a')).toBe('visitors = 3\n')
    await ok('elements', 'badges', '--add', 'B1', '-d', 'a')
    expect(await ok('elements', 'badges', '-d', 'a')).toBe('B1\n')
    expect(await ok('priority', 'ahu/1/fan', '--level', '8', '--write', '60', '-d', 'a')).toMatch(
      /^ahu\/1\/fan = 60\S*, from level 8\n/
    )
    expect(await ok('priority', 'ahu/1/fan', '--level', '8', '--relinquish', '-d', 'a')).toMatch(
      /^ahu\/1\/fan = 0\S*, from the relinquish default\n/
    )
    expect(await selvedge('set', 'ahu/1/setpoint', '99', '-d', 'a')).toMatchObject({
      code: 1,
      err: 'selvedge: ahu/1/setpoint is above max 40 °C: 99 (POINT_REFUSED)\n'
    })
    expect(await selvedge('set', 'ahu/1/setpiont', '20', '-d', 'a')).toMatchObject({
      code: 1,
      err: expect.stringContaining('(POINT_UNKNOWN)')
    })
  })

  it('tells of itself, and takes orders', async () => {
    await startNode('a')
    expect(await ok('status', '-d', 'a')).toMatch(/^node +hq-1 of hq [^]*health +ok[^]*hq\/state +trunk /)
    expect(await json('status', '-d', 'a')).toMatchObject({
      site: 'hq',
      name: 'hq-1',
      health: { state: 'ok', alarms: [] },
      peers: []
    })
    expect(await ok('conflicts', '-d', 'a')).toBe('no conflicts\n')
    expect(await selvedge('conflicts', 'restore', 'abcd', '-d', 'a')).toMatchObject({
      code: 1,
      err: expect.stringContaining('(CONFLICT_UNKNOWN)')
    })
    expect(await ok('heal', '-d', 'a')).toBe('no merges after a partition yet\n')
    expect(await ok('held-back', '-d', 'a')).toBe('nothing is held back\n')
    expect(await selvedge('held-back', 'discard', 'x', '-d', 'a')).toMatchObject({
      code: 1,
      err: expect.stringContaining('(SHADOW_UNKNOWN)')
    })
    expect(await ok('trunk', 'off', '-d', 'a')).toContain('no trunk')
    expect(await ok('isolate', 'hq-2', '-d', 'a')).toBe('cut off from hq-2\n')
    expect(await ok('isolate', '-d', 'a')).toBe('cut off from nobody\n')
  })

  it('that is killed leaves a socket behind, which the next start takes over', async () => {
    const node = await startNode('a')
    await ok('set', 'kept', '1', '-d', 'a', '--durable', 'local')
    expect(await node.stop('SIGKILL')).toMatchObject({ code: null })
    expect(existsSync(join(root, 'a/control.sock'))).toBe(true)
    const asked = await selvedge('get', '-d', 'a')
    expect(asked).toMatchObject({ code: 3, out: '' })
    expect(asked.err).toMatch(
      /^selvedge: nothing runs on a \(CONTROL_NOT_RUNNING\)\n {2}start a node with "selvedge node --data a /
    )
    await startNode('a')
    expect(await ok('get', 'kept', '--value', '-d', 'a')).toBe('1\n')
  })

  it('keeps its directory to itself', async () => {
    await startNode('a')
    const second = await selvedge('node', '--site', 'hq', '--roster', 'roster.json', '--data', 'a', '--no-mesh')
    expect(second).toMatchObject({ code: 1, out: '', err: expect.stringContaining('(STORE_LOCKED)') })
    expect(await ok('set', 'still', 'here', '-d', 'a')).toMatch(/^set still to here/)
  })

  it('takes its settings from a file, and a flag goes before it', async () => {
    writeFileSync(join(root, 'node.json'), JSON.stringify({ site: 'hq', dataDir: './a', roster: './roster.json', mesh: false }))
    const node = started('node', '--config', join(root, 'node.json'))
    expect(await node.line()).toContain('node hq-1 of hq is running')
    expect(await ok('status', '-d', 'a')).toContain('hq-1')
    expect(await node.stop('SIGINT')).toMatchObject({ code: 0, out: expect.stringMatching(/stopping[^]*stopped\n$/) })
    const other = started('node', '--config', join(root, 'node.json'), '--data', 'b')
    expect(await other.line()).toContain('node hq-2 of hq is running')
    writeFileSync(join(root, 'bad.json'), JSON.stringify({ site: 'hq', mesh: { lisen: [] } }))
    expect(await selvedge('node', '--config', 'bad.json')).toMatchObject({
      code: 2,
      err: expect.stringContaining('mesh.lisen is not known')
    })
    expect(await selvedge('node', '--data', 'b', '--site', 'hq')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--roster is missing')
    })
  })
})

describe('a running relay', () => {
  it('takes a trunk, and is asked about each of its sites', async () => {
    const relay = started('relay', '--rosters', 'roster.json', '--data', 'relay', '--port', '0', '--log-level', 'error', '--json')
    const { url } = await relay.json<{ url: string }>()
    const node = await startNode('a', '--relay', url)
    await ok('set', 'sent/up', '7', '-d', 'a', '--durable', 'relay', '--timeout', '60s')
    expect(await ok('get', 'sent/up', '--value', '-d', 'relay', '--site', 'hq')).toBe('7\n')
    await ok('set', 'sent/down', '8', '-d', 'relay', '--site', 'hq', '--durable', 'site', '--timeout', '60s')
    expect(await ok('get', 'sent/down', '--value', '-d', 'a')).toBe('8\n')
    const unnamed = await selvedge('get', '-d', 'relay')
    expect(unnamed).toMatchObject({ code: 2, err: expect.stringContaining('name it with --site') })
    expect(await ok('status', '-d', 'relay')).toMatch(/^relay +12D3[^]*hq +yes +hq-1 /)
    expect(await ok('trunk', 'off', '-d', 'a')).toBe('the trunk is off here\n')
    await expect
      .poll(async () => (await json<{ sites: { connected: boolean }[] }>('status', '-d', 'relay')).sites[0]!.connected)
      .toBe(false)
    expect(await node.stop('SIGTERM')).toMatchObject({ code: 0 })
    expect(await relay.stop('SIGTERM')).toMatchObject({ code: 0 })
  })
})

describe('wrong use', () => {
  it.each([
    [['nonsense']],
    [['set', 'a']],
    [['set', 'a', '1', '--expires', 'soon']],
    [['set', 'a', '1', '--quality', 'fine']],
    [['watch', '--count', '-1']],
    [['trunk', 'maybe']],
    [['priority', 'a', '--level', '17', '--write', '1']],
    [['priority', 'a', '--level', '3']],
    [['doc', 'text', 'a', 'b', '--insert', 'x', '--replace', 'y']],
    [['relay']],
    [['relay', '--rosters', 'roster.json', '--tls-cert', 'x']],
    [['node', '--config', 'missing.json']],
    [[]]
  ])('%j ends with 2 and says what is wrong', async args => {
    const { code, out, err } = await selvedge(...args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err.length).toBeGreaterThan(20)
    expect(err).not.toContain('    at ')
  })
})
