import { describe, expect, it } from 'vitest'
import { seededRandom } from '@selvedge/core'
import { ErrandBook, type ErrandOptions } from './errand-book.js'
import type { Errand, View } from './process/protocol.js'
import { ProcessGone, type ReplicaProcess } from './replica-process.js'

/** A process that holds what it was ordered to, and may lose its answers. */
class Obedient {
  readonly name = 'n1'
  readonly up = true
  deaf = false
  asked = 0
  readonly points = new Map<string, { value: unknown; time: number; writer: string }>()
  readonly counters = new Map<string, number>()
  readonly sets = new Map<string, string[]>()
  readonly notes: Record<string, unknown> = {}
  readonly tokens: string[] = []
  readonly config: Record<string, unknown> = {}
  private readonly ids = new Set<string | undefined>()
  onAsked: () => void = () => undefined

  ask(_: 'errand', { errand }: { errand: Errand }): Promise<void> {
    this.act(errand)
    this.asked++
    this.onAsked()
    return this.deaf ? Promise.reject(new ProcessGone('killed')) : Promise.resolve()
  }

  private act(errand: Errand): void {
    switch (errand.kind) {
      case 'set':
        return void this.points.set(errand.path, { value: errand.value, time: 1, writer: 'a' })
      case 'delete':
        return void this.points.delete(errand.path)
      case 'add':
      case 'remove': {
        const others = (this.sets.get(errand.path) ?? []).filter(element => element !== errand.value)
        return void this.sets.set(errand.path, errand.kind === 'add' ? [...others, errand.value] : others)
      }
      case 'increment':
        if (!this.ids.has(errand.id)) this.counters.set(errand.path, (this.counters.get(errand.path) ?? 0) + 1)
        return void this.ids.add(errand.id)
      case 'note':
        this.notes[errand.key] = errand.value
        if (errand.token !== undefined) this.tokens.push(errand.token)
        return
      case 'config':
        this.config[errand.key] = errand.value
    }
  }

  view(): View {
    const { points, counters, sets, notes, tokens, config } = this
    return { points, counters, sets, notes, tokens, config, overrides: 0 }
  }
}

function bookOf(options: Partial<ErrandOptions>): ErrandBook {
  return new ErrandBook({
    random: seededRandom(1),
    pausesMs: { points: 0, counters: 0, notes: 0, config: 0 },
    idempotent: false,
    tokens: false,
    levelsOf: () => ['local'],
    ...options
  })
}

async function ordered(acts: number, deafFrom = Number.POSITIVE_INFINITY): Promise<{ book: ErrandBook; process_: Obedient }> {
  const process_ = new Obedient()
  const handle = process_ as unknown as ReplicaProcess
  const book = bookOf({ idempotent: true, tokens: true })
  const enough = new Promise<void>(resolve => {
    process_.onAsked = () => {
      process_.deaf = process_.asked >= deafFrom
      if (process_.asked >= acts) resolve()
    }
  })
  book.start([handle])
  await enough
  await book.stop(60_000)
  process_.onAsked = () => undefined
  process_.deaf = false
  await book.settle(handle)
  return { book, process_ }
}

describe('the book of errands', () => {
  it('finds nothing to say of a process that did all, answers lost or not', async () => {
    for (const deafFrom of [Number.POSITIVE_INFINITY, 150]) {
      const { book, process_ } = await ordered(200, deafFrom)
      expect(book.problems('n1', process_.view())).toEqual([])
      expect(book.done).toBeGreaterThan(100)
    }
  })

  it('stops at once, also when an act ends after it was told to', async () => {
    const process_ = new Obedient()
    const hour = 3_600_000
    const book = bookOf({ pausesMs: { points: hour, counters: hour, notes: hour, config: hour } })
    book.start([process_ as unknown as ReplicaProcess])
    await book.stop(60_000)
    expect(book.done).toBe(5)
  })

  it('names the acts that are never acknowledged', async () => {
    const process_ = new Obedient()
    process_.ask = () => new Promise(() => undefined)
    const book = bookOf({ levelsOf: () => ['site'] })
    book.start([process_ as unknown as ReplicaProcess])
    await expect(book.stop(1)).rejects.toThrow(/^5 acts are not acknowledged after 1 ms: n1 \{.*"kind":"config".*\} as site$/)
  })

  it('sees what was acknowledged and is not there, or is there twice, or was never ordered', async () => {
    const { book, process_ } = await ordered(200)
    const view = process_.view()
    const other = (changes: Partial<View>): string[] => book.problems('n2', { ...view, ...changes })
    expect(other({ points: new Map([...view.points].slice(1)) })).toEqual([
      expect.stringMatching(/n2: d\/n1\/\d is undefined; ack/)
    ])
    expect(other({ counters: new Map([...view.counters].map(([path, sum]) => [path, sum + 1])) })[0]).toMatch(/counter c\/\d is/)
    expect(other({ sets: new Map() })[0]).toMatch(/e\/n1 \d is false; acknowledged true/)
    expect(other({ notes: {} })[0]).toMatch(/note n1 is undefined/)
    expect(other({ config: {} })[0]).toMatch(/config n1 is undefined/)
    expect(other({ tokens: view.tokens.slice(1) })[0]).toMatch(/lacks the acknowledged token/)
    expect(other({ tokens: [...view.tokens, view.tokens[0]!] })[0]).toMatch(/1 tokens twice/)
    expect(other({ tokens: [...view.tokens, 'stranger'] })[0]).toMatch(/nobody ordered/)
  })
})
