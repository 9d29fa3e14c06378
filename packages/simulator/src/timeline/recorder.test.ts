import { describe, expect, it } from 'vitest'
import { hashText } from '@selvedge/documents'
import { firstDivergence, ReplicaStates } from '../../page/replica-states.js'
import { World } from '../world.js'
import { Recorder } from './recorder.js'
import type { Recording } from './recording.js'
import { timelinePage } from './timeline-page.js'

const end = {
  scenario: 'two nodes',
  label: '',
  summary: 'nothing broke',
  verdicts: [],
  healedMs: null,
  failure: null,
  story: [],
  faults: [{ id: 'f1', atMs: 5_000, forMs: 1_000, kind: 'kill', args: { node: 'hq-2', deep: ['relay', 'nobody'] } }]
}

async function recorded(
  limits: ConstructorParameters<typeof Recorder>[1] = {},
  value = 7
): Promise<{ world: World; recording: Recording }> {
  const world = new World({ seed: 3 })
  const nodes = world.addSite('hq', 2)
  const recorder = new Recorder(world, limits)
  let last: string | undefined
  const note = world.kernel.trace.note.bind(world.kernel.trace)
  world.kernel.trace.note = (atMs, actor, label) => {
    if (last !== undefined) recorder.afterEvent(last)
    last = actor
    note(atMs, actor, label)
  }
  world.relay.start()
  for (const node of nodes) node.start()
  await world.passUntil(() => world.processes.every(({ open }) => open), 60_000)
  nodes[0]!.open!.points.set('ahu/1/temp', value)
  recorder.operation({ id: 'o1', atMs: 0, by: 'hq-1', kind: 'set', args: { path: 'ahu/1/temp' } })
  recorder.afterEvent('hq-1')
  await world.pass(3_000)
  const strike = (run: () => void): void => {
    world.kernel.after(0, 'fault', 'f1', run)
    // What an event does is seen when the next one comes.
    world.kernel.after(0, 'fault', 'f1', () => undefined)
  }
  strike(() => nodes[1]!.kill())
  await world.pass(1_000)
  strike(() => nodes[1]!.start())
  await world.pass(5_000)
  return { world, recording: recorder.finish(end) }
}

describe('a recording', () => {
  it('tells what every replica held at any moment, and is the same with every look', async () => {
    const { world, recording } = await recorded()
    const space = recording.spaces.indexOf('hq/state')
    const states = new ReplicaStates(recording).at(recording.untilMs)
    expect(recording.actors.map(({ name, site }) => [name, site])).toEqual([
      ['hq-1', 'hq'],
      ['hq-2', 'hq'],
      ['relay', null]
    ])
    for (const [i, node] of world.nodes.entries()) {
      const { table } = node.open!.space('state').replica
      const held = states[i]!.spaces[space]!
      expect(held.hash).toBe(hashText(table.hash()))
      expect(Object.fromEntries(held.vector)).toEqual(Object.fromEntries(table.vector().seqs))
      expect(held.registers.get('ahu/1/temp\u0000')?.[2]).toBe('7')
      expect(held.registers.size).toBe([...table.all()].length)
    }
    // Before the write nobody held it.
    const before = new ReplicaStates(recording).at(recording.operations[0]!.atMs - 1)
    expect(before.some(({ spaces }) => spaces[space]?.registers.has('ahu/1/temp\u0000'))).toBe(false)
  })

  it('tells when a process was down, what went between hosts, and whom a fault strikes', async () => {
    const { recording } = await recorded()
    const downs = recording.spans.filter(({ actor, state }) => actor === 1 && state === 'down')
    expect(downs.some(({ fromMs, toMs }) => toMs - fromMs > 800 && toMs - fromMs <= 1_000)).toBe(true)
    expect(recording.messages.length).toBeGreaterThan(20)
    for (const [from, to, sentMs, arrivedMs] of recording.messages) {
      expect(from).not.toBe(to)
      if (arrivedMs !== null) expect(arrivedMs).toBeGreaterThan(sentMs)
    }
    expect(recording.faults[0]?.actors).toEqual([1, 2])
  })

  it('is bounded, and says what it left out', async () => {
    const { recording } = await recorded({ messagesMax: 5, looksMax: 4 })
    expect([recording.messages.length, recording.looks.length]).toEqual([5, 4])
    expect(recording.messagesLeftOut).toBeGreaterThan(20)
    expect(recording.looksLeftOut).toBeGreaterThan(2)
  })

  it('does not change the run', async () => {
    const [one, other] = [await recorded(), await recorded({ messagesMax: 0, looksMax: 0 })]
    expect(one.recording.traceHash).toBe(other.recording.traceHash)
  })

  it('is told apart from another where they first differ', async () => {
    const [one, other] = [await recorded(), await recorded({}, 8)]
    expect(firstDivergence(one.recording, one.recording)).toBeUndefined()
    const divergence = firstDivergence(one.recording, other.recording)
    // The first event after the write shows it.
    const seen = one.recording.looks.find(({ registers }) => registers?.some(([path]) => path === 'ahu/1/temp'))
    expect(divergence?.atMs).toBe(seen?.atMs)
    expect(divergence?.texts).toEqual(['hq-1 holds ahu/1/temp  7', 'hq-1 holds ahu/1/temp  8'])
  })
})

describe('the page', () => {
  const assets = {
    style: 'body {}',
    modules: { 'timeline.js': "import { a } from './lanes.js'", 'lanes.js': 'export const a = 1' }
  }

  it('holds everything itself, whatever stands in values', async () => {
    const { recording } = await recorded()
    const hostile = { ...recording, scenario: '<b>&', summary: '</script><script>alert(1)</script>' }
    const page = timelinePage([hostile, recording], assets)
    expect(page).not.toContain('alert(1)</script>')
    expect(page).toContain('&lt;b&gt;&amp;')
    expect(page).not.toMatch(/(src|href)=/)
    const [, json = ''] = /id="recordings">(.*?)<\/script>/s.exec(page) ?? []
    expect((JSON.parse(json) as Recording[])[0]?.summary).toBe(hostile.summary)
    const [, map = ''] = /type="importmap">(.*?)<\/script>/s.exec(page) ?? []
    const { imports } = JSON.parse(map) as { imports: Record<string, string> }
    const source = Buffer.from(imports['timeline/timeline.js']!.split(',')[1]!, 'base64').toString()
    expect(source).toBe("import { a } from 'timeline/lanes.js'")
  })
})
