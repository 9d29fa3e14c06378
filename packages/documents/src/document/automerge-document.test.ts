import { documentId } from '@selvedge/core'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { beforeAll, describe, expect, it } from 'vitest'
import { importAutomerge } from './automerge-engine.js'
import { openConfig, warmUp } from './testing/documents.js'
import { World, type TestNode } from './testing/world.js'

interface Hvac {
  setpoint?: number
  zones?: { name: string; setpoint: number }[]
  mode?: string
}

const hvac = documentId('hvac')

beforeAll(warmUp)

async function pair() {
  const world = new World()
  const a = await world.node('a')
  const b = await world.node('b')
  const atA = await openConfig<Hvac>(a, hvac)
  const atB = await openConfig<Hvac>(b, hvac)
  const change = (config: typeof atA, edit: (draft: Hvac) => void, release = false) =>
    world.while(config.change('edit', edit, { release }))
  return { world, a, b, atA, atB, change }
}

describe('changes', () => {
  it('are told with author, time and message, and are the same bytes for the same seed', async () => {
    const run = async () => {
      const { world, atA } = await pair()
      world.clock.advance(1_234)
      await world.while(atA.change('warmer', draft => (draft.setpoint = 21)))
      world.clock.advance(5_000)
      await world.while(atA.change(undefined, draft => (draft.mode = 'eco')))
      return atA.history()
    }
    const [first, second] = await run()
    expect(first).toMatchObject({ author: 'a', message: 'warmer', follows: [] })
    expect(second).toMatchObject({ author: 'a', message: undefined, follows: [first!.hash], actor: first!.actor })
    expect(first!.timeMs).toBe(Math.floor((Date.UTC(2026, 0, 1) + 1_234) / 1000) * 1000)
    expect(await run()).toEqual([first, second])
  })

  it('are visible at once and resolve when on disk', async () => {
    const { world, a, atA } = await pair()
    a.store.held = true
    let stored = false
    const done = atA.change('n', draft => (draft.setpoint = 20)).then(() => (stored = true))
    expect(atA.current()).toEqual({ setpoint: 20 })
    await world.turns()
    expect(stored).toBe(false)
    a.store.release()
    await world.while(done)
    await a.restart()
    expect((await openConfig<Hvac>(a, hvac)).current()).toEqual({ setpoint: 20 })
  })

  it('that change nothing are none', async () => {
    const { world, a, atA } = await pair()
    expect(await world.while(atA.change('nothing', () => undefined))).toBeUndefined()
    expect(atA.history()).toEqual([])
    expect(a.store.batches).toEqual([])
  })

  it('keep their author over a restart, under a new actor', async () => {
    const { world, a, atA } = await pair()
    await world.while(atA.change('one', draft => (draft.setpoint = 1)))
    await a.restart()
    const again = await openConfig<Hvac>(a, hvac)
    await world.while(again.change('two', draft => (draft.setpoint = 2)))
    const [one, two] = again.history()
    expect([one!.author, two!.author]).toEqual(['a', 'a'])
    expect(one!.actor).not.toBe(two!.actor)
  })

  it('show content that can not be altered', async () => {
    const { atA, change } = await pair()
    await change(atA, draft => (draft.zones = [{ name: 'lobby', setpoint: 20 }]))
    const current = atA.current() as Hvac
    expect(() => (current.setpoint = 1)).toThrow(TypeError)
    expect(() => (current.zones![0]!.setpoint = 1)).toThrow(TypeError)
    expect(atA.current()).toBe(current)
  })

  it('call watchers with changes of any replica', async () => {
    const { world, a, b, atA, atB, change } = await pair()
    const seen: unknown[] = []
    const stop = atB.watch(content => seen.push(content.setpoint))
    world.link(a, b)
    await change(atA, draft => (draft.setpoint = 1))
    await world.settle()
    await change(atB, draft => (draft.setpoint = 2))
    stop()
    await change(atB, draft => (draft.setpoint = 3))
    expect(seen).toEqual([1, 2])
  })

  it('show whoever has the document open the same, and one that did not look at earlier changes too', async () => {
    const { world, a, b, atA, atB, change } = await pair()
    const beside = await openConfig<Hvac>(b, hvac)
    const seen: Readonly<Hvac>[] = []
    for (const config of [atB, beside]) config.watch(content => seen.push(content))
    world.link(a, b)
    for (const setpoint of [1, 2]) {
      await change(atA, draft => (draft.zones = [{ name: 'lobby', setpoint }]))
      await world.settle()
      const late = await openConfig<Hvac>(b, hvac)
      expect(late.current()).toEqual({ zones: [{ name: 'lobby', setpoint }] })
      expect(seen.splice(0)).toEqual([late.current(), late.current()])
      late.close()
    }
  })
})

describe('listeners', () => {
  it('that throw stop neither the document nor the session', async () => {
    const { world, a, b, atA, atB, change } = await pair()
    const fail = (): never => {
      throw new Error('a bug of the service')
    }
    atB.watch(fail)
    atB.watchReleased(fail)
    const link = world.link(a, b)
    await change(atA, draft => (draft.setpoint = 1), true)
    await world.settle()
    expect(link.faults).toEqual([])
    expect(atB.released().value).toEqual({ setpoint: 1 })
  })
})

describe('validation', () => {
  const refuseCold = (content: unknown): string | undefined =>
    ((content as Hvac).setpoint ?? 20) < 15 ? 'a setpoint below 15 °C freezes people' : undefined

  it('refuses an edit, which leaves nothing behind', async () => {
    const { world, a } = await pair()
    const config = await world.while(a.documents.openAutomerge<Hvac>(hvac, { validate: refuseCold }))
    await world.while(config.change('fine', draft => (draft.setpoint = 20)))
    const heads = config.heads()
    await expect(config.change('cold', draft => (draft.setpoint = 3))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('freezes people') as string
    })
    expect([config.current(), config.heads(), config.history().length]).toEqual([{ setpoint: 20 }, heads, 1])
    await expect(config.change('bug', () => expect.fail('a bug of the service'))).rejects.toThrow('a bug of the service')
    expect(config.heads()).toEqual(heads)
    await world.while(config.change('on', draft => (draft.setpoint = 21)))
    expect(config.history()).toHaveLength(2)
  })

  it('takes a Standard Schema', async () => {
    const { world, a } = await pair()
    const schema: StandardSchemaV1<Hvac> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: value =>
          refuseCold(value) ? { issues: [{ message: 'too cold', path: ['setpoint'] }] } : { value: value as Hvac }
      }
    }
    const config = await world.while(a.documents.openAutomerge<Hvac>(hvac, { validate: schema }))
    await expect(config.change('cold', draft => (draft.setpoint = 3))).rejects.toMatchObject({
      details: { problem: 'setpoint: too cold' }
    })
  })

  it('refuses to release what merged into something invalid', async () => {
    const { world, a, b, atA, change } = await pair()
    await change(atA, draft => (draft.setpoint = 3))
    world.link(a, b)
    await world.settle()
    const config = await world.while(b.documents.openAutomerge<Hvac>(hvac, { validate: refuseCold }))
    expect(config.current()).toEqual({ setpoint: 3 })
    await expect(config.release()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(config.released()).toEqual({ value: undefined, release: undefined, pending: undefined })
  })
})

describe('conflicts', () => {
  it('are listed with every value, its author, and the one that wins, alike everywhere', async () => {
    const { world, a, b, atA, atB, change } = await pair()
    await change(atA, draft => (draft.zones = [{ name: 'lobby', setpoint: 20 }]))
    const link = world.link(a, b)
    await world.settle()
    link.cut()
    await change(atA, draft => (draft.zones![0]!.setpoint = 22))
    await change(atB, draft => (draft.zones![0]!.setpoint = 18))
    await change(atB, draft => (draft.mode = 'eco'))
    world.link(a, b)
    await world.settle()
    const [conflict, ...others] = atA.conflicts()
    expect(others).toEqual([])
    expect(conflict!.path).toEqual(['zones', 0, 'setpoint'])
    expect(new Set(conflict!.values.map(({ value, author }) => `${author}: ${String(value)}`))).toEqual(
      new Set(['a: 22', 'b: 18'])
    )
    expect(conflict!.values.filter(({ wins }) => wins).map(({ value }) => value)).toEqual([atA.current().zones![0]!.setpoint])
    expect(atB.conflicts()).toEqual(atA.conflicts())
    await change(atA, draft => (draft.zones![0]!.setpoint = 20))
    expect(atA.conflicts()).toEqual([])
  })
})

describe('history', () => {
  it('shows the content at any heads, and refuses heads it does not know', async () => {
    const { atA, change } = await pair()
    await change(atA, draft => (draft.setpoint = 1))
    const heads = atA.heads()
    await change(atA, draft => (draft.setpoint = 2))
    expect([atA.at(heads), atA.current()]).toEqual([{ setpoint: 1 }, { setpoint: 2 }])
    const unknown = ['0'.repeat(64)]
    expect(() => atA.at(unknown)).toThrowError(expect.objectContaining({ code: 'CONFIG_HEADS_UNKNOWN' }))
    await expect(atA.restore(unknown)).rejects.toMatchObject({ code: 'CONFIG_HEADS_UNKNOWN' })
    await expect(atA.release(unknown)).rejects.toMatchObject({ code: 'CONFIG_HEADS_UNKNOWN' })
  })

  it('restores earlier content by a new change', async () => {
    const { world, atA, change } = await pair()
    const automerge = await importAutomerge()
    await change(atA, draft => {
      Object.assign(draft, {
        text: 'one',
        zones: [
          { name: 'lobby', setpoint: 20 },
          { name: 'hall', setpoint: 19 }
        ],
        counter: new automerge.Counter(5),
        date: new Date(1_000),
        bytes: Uint8Array.of(1, 2)
      })
    })
    const heads = atA.heads()
    const before = atA.current()
    await change(atA, draft => {
      const d = draft as Record<string, unknown>
      draft.zones!.splice(0, 1)
      draft.zones![0]!.setpoint = 25
      draft.zones!.push({ name: 'attic', setpoint: 12 }, { name: 'cellar', setpoint: 10 })
      d['text'] = 'two'
      d['extra'] = { deep: [1] }
      delete d['date']
      d['bytes'] = Uint8Array.of(3)
      ;(d['counter'] as { increment(by: number): void }).increment(4)
    })
    expect(atA.current()).not.toEqual(before)
    const change2 = await world.while(atA.restore(heads, 'back to before'))
    expect(atA.current()).toEqual(before)
    expect(change2).toMatchObject({ message: 'back to before', author: 'a' })
    expect(atA.history()).toHaveLength(3)
    expect(await world.while(atA.restore(heads))).toBeUndefined()
  })

  it('restores only what differs, so that concurrent changes elsewhere still merge', async () => {
    const { world, a, b, atA, atB, change } = await pair()
    await change(
      atA,
      draft =>
        (draft.zones = [
          { name: 'lobby', setpoint: 20 },
          { name: 'hall', setpoint: 19 }
        ])
    )
    const heads = atA.heads()
    await change(atA, draft => (draft.zones![0]!.setpoint = 30))
    const link = world.link(a, b)
    await world.settle()
    link.cut()
    await change(atB, draft => (draft.zones![1]!.name = 'great hall'))
    await world.while(atA.restore(heads))
    world.link(a, b)
    await world.settle()
    expect(atA.current().zones).toEqual([
      { name: 'lobby', setpoint: 20 },
      { name: 'great hall', setpoint: 19 }
    ])
    expect(atB.current()).toEqual(atA.current())
  })
})

describe('releases', () => {
  it('DOC-16: services see what is released, not the newest edit', async () => {
    const { world, a, b, atA, atB, change } = await pair()
    const seen: (number | undefined)[] = []
    atB.watchReleased(({ value }) => seen.push(value?.setpoint))
    world.link(a, b)
    await change(atA, draft => (draft.setpoint = 20), true)
    await change(atA, draft => (draft.setpoint = 99))
    await world.settle()
    expect(atB.current()).toEqual({ setpoint: 99 })
    expect(atB.released()).toMatchObject({ value: { setpoint: 20 }, pending: undefined, release: { by: 'a', message: 'edit' } })
    const first = atB.released().release!.heads
    await world.while(atB.release())
    await world.settle()
    expect(atA.released()).toMatchObject({ value: { setpoint: 99 }, release: { by: 'b' } })
    // Back: releasing earlier heads, the newest edit stays as it is.
    await world.while(atA.release(first, 'too hot'))
    await world.settle()
    expect(atB.released()).toMatchObject({ value: { setpoint: 20 }, release: { message: 'too hot' } })
    expect(atB.current()).toEqual({ setpoint: 99 })
    expect(seen.filter((value, i) => value !== seen[i - 1])).toEqual(expect.arrayContaining([20, 99, 20]))
    expect(seen.at(-1)).toBe(20)
  })

  it('DOC-16: a release whose changes have not arrived is pending; the one before stays, over a restart too', async () => {
    const { world, a, b, atA, atB, change } = await pair()
    const link = world.link(a, b)
    await change(atA, draft => (draft.setpoint = 20), true)
    await world.settle()
    link.cut()
    await change(atA, draft => (draft.setpoint = 21), true)
    b.registers.merge(a.registers)
    await world.turns()
    const check = (released: ReturnType<typeof atB.released>): void => {
      expect(released.value).toEqual({ setpoint: 20 })
      expect(released.pending?.heads).toEqual(atA.heads())
    }
    check(atB.released())
    await b.restart()
    b.registers.merge(a.registers)
    const again = await openConfig<Hvac>(b, hvac)
    check(again.released())
    const states: unknown[] = []
    again.watchReleased(({ value, pending }) => states.push([value?.setpoint, pending === undefined]))
    world.link(a, b)
    await world.settle()
    expect(again.released()).toMatchObject({ value: { setpoint: 21 }, pending: undefined })
    expect(states.at(-1)).toEqual([21, true])
  })

  it('DOC-16: the changes are on disk before the release is written', async () => {
    const { world, a, atA } = await pair()
    a.store.held = true
    const done = atA.change('n', draft => (draft.setpoint = 20), { release: true })
    await world.turns()
    expect(a.registers.get(`@release/${hvac}`, '')).toBeUndefined()
    a.store.release()
    await world.while(done)
    expect(a.registers.get(`@release/${hvac}`, '')).toMatchObject({ value: { heads: atA.heads(), by: 'a' } })
  })

  it('DOC-16: a malformed release is passed over', async () => {
    const { world, a, atA, change } = await pair()
    await change(atA, draft => (draft.setpoint = 20), true)
    for (const value of [null, 'x', { heads: ['zz'], by: 'a', atMs: 1 }, { heads: [], by: 1, atMs: 1 }, { heads: 3 }]) {
      a.registers.set(`@release/${hvac}`, '', value)
      await world.turns()
      expect(atA.released()).toMatchObject({ value: { setpoint: 20 }, pending: undefined })
    }
  })
})

describe('handles', () => {
  it('share one instance; one that is closed hears no more', async () => {
    const { world, a, atA, change } = await pair()
    const other = await openConfig<Hvac>(a, hvac)
    const seen: unknown[] = []
    other.watch(content => seen.push(content))
    await change(atA, draft => (draft.setpoint = 1))
    expect(other.current()).toEqual({ setpoint: 1 })
    other.close()
    other.close()
    await change(atA, draft => (draft.setpoint = 2))
    expect(seen).toHaveLength(1)
    await world.turns()
  })

  it('DOC-15: a config change that would make the document too large is refused', async () => {
    const world = new World()
    const a: TestNode = await world.node('a', { documentBytesMax: 3_000 })
    const config = await openConfig<Record<string, Uint8Array>>(a, hvac)
    await world.while(config.change('fits', draft => (draft['a'] = world.random.bytes(1_500))))
    await expect(config.change('does not', draft => (draft['b'] = world.random.bytes(2_000)))).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_LARGE'
    })
    expect(Object.keys(config.current())).toEqual(['a'])
    await world.while(config.change('fits', draft => (draft['c'] = world.random.bytes(10))))
  })
})
