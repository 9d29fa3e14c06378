import { ManualClock, nodeId, seededRandom, spaceId, TrustedClock } from '@selvedge/core'
import { foldIncrements, increment, RegisterTable } from '@selvedge/documents'
import { expect, it } from 'vitest'
import { CountedIds } from './counted-ids.js'
import type { Watched } from './observer.js'
import { SpaceLedger, type Write } from './space-ledger.js'

const dayMs = 86_400_000
const path = 'kwh'

/** What a node writes at a counter, told as the observer tells it. */
class Counting {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 1))
  readonly wrong: (string | undefined)[] = []
  private readonly seen = new Map<string, Write>()
  readonly table = new RegisterTable({
    node: nodeId('a'),
    trusted: new TrustedClock(this.clock, 300_000),
    random: seededRandom(1),
    onAlarm: () => undefined,
    onDrop: () => undefined,
    onChange: register => {
      const { write } = this.ledger.note(register, 0, 'a')
      this.wrong.push(this.ids.written(this.watched, register, write, this.seen.get(write.address)))
      this.seen.set(write.address, write)
    }
  })
  readonly ledger = new SpaceLedger(spaceId('hq/state'))
  readonly ids = new CountedIds()
  readonly watched = { table: this.table, ledger: this.ledger } as unknown as Watched

  apply(): void {
    increment(this.table, path, 1, { id: 'one' })
  }

  get found(): string[] {
    return this.wrong.filter(wrong => wrong !== undefined)
  }

  get count(): { readonly times: number; readonly wrong?: string } {
    return this.ids.count(this.watched, path, 'one')
  }
}

it('counts an id once, folded or not, and again when it was forgotten', () => {
  const counting = new Counting()
  counting.apply()
  counting.apply()
  expect(counting.count).toEqual({ times: 1 })
  counting.clock.advance(dayMs)
  foldIncrements(counting.table)
  counting.apply()
  expect(counting.count).toEqual({ times: 1 })
  counting.table.collect(() => true)
  counting.apply()
  expect(counting.count).toEqual({ times: 2 })
  expect(counting.found).toEqual([])
})

it('finds a fold before its day is over', () => {
  const counting = new Counting()
  counting.apply()
  counting.clock.advance(dayMs - 1_000)
  foldIncrements(counting.table, 1_000)
  expect(counting.found).toEqual(['folded before its day is over'])
})

it('finds an id that is applied anew by who remembers it', () => {
  const counting = new Counting()
  counting.apply()
  counting.clock.advance(dayMs)
  foldIncrements(counting.table)
  counting.table.set(path, 1, { slot: '#one' })
  expect(counting.found).toEqual(['applied anew by a node that remembers it'])
})

it('finds an increment that is folded twice', () => {
  const counting = new Counting()
  const { table, clock } = counting
  counting.apply()
  const [applied] = [...table.all()].map(({ writer, seq, value, time }) => ({ writer, seq, value, time }))
  clock.advance(dayMs)
  foldIncrements(table)
  table['holdings'].place({ path, slot: '#one', quality: 0, expiresAtMs: 0, batch: 0, ...applied! }, 1)
  foldIncrements(table)
  expect(counting.count).toEqual({ times: 2, wrong: 'folded twice' })
})
