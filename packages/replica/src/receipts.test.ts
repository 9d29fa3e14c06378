/** Receipts resolve when a flush that took their write is on disk: never before it, and never with a later one. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ManualClock, nodeId, seededRandom, systemClock, TrustedClock } from '@selvedge/core'
import { covers, emptyVector, RegisterTable, type VersionVector } from '@selvedge/documents'
import { MemberTable } from '@selvedge/session'
import { Receipts, type Receipt } from './receipts.js'

class Fixture {
  readonly table = new RegisterTable({
    node: nodeId('a'),
    trusted: new TrustedClock(new ManualClock(Date.UTC(2026, 5, 1)), 300_000),
    random: seededRandom(1)
  })
  private durable: VersionVector = emptyVector
  private taken: VersionVector = emptyVector
  readonly receipts = new Receipts({
    node: this.table.node,
    table: this.table,
    members: new MemberTable(),
    durable: () => ({ vector: this.durable, changeIndex: 0, version: 0 }),
    taken: () => this.taken,
    role: 'node'
  })
  private readonly waits: { readonly receipt: Receipt; state: 'waits' | 'durable' | 'refused' }[] = []
  readonly written: Receipt[] = []

  write(): Receipt {
    const receipt = this.receipts.of(this.table.set(`p/${this.written.length % 3}`, this.written.length))
    this.written.push(receipt)
    return receipt
  }

  wait(receipt: Receipt): void {
    const wait: (typeof this.waits)[number] = { receipt, state: 'waits' }
    this.waits.push(wait)
    receipt.durable('local').then(
      () => (wait.state = 'durable'),
      () => (wait.state = 'refused')
    )
  }

  flushBegins(): void {
    this.taken = this.table.vector()
  }

  flushEnds(): void {
    this.durable = this.taken
    this.receipts.check(['local'])
  }

  isOnDisk({ dot }: Receipt): boolean {
    return covers(this.durable, this.table.writer(dot.writer), dot.seq)
  }

  async check(): Promise<void> {
    await new Promise<void>(resolve => void systemClock.soon(resolve))
    for (const { receipt, state } of this.waits) expect(state).toBe(this.isOnDisk(receipt) ? 'durable' : 'waits')
    const pending = this.waits.filter(({ receipt }) => !this.isOnDisk(receipt)).length
    expect(this.receipts.pending).toBe(pending)
    expect(this.receipts.isLocalAwaited).toBe(pending > 0)
  }

  async close(): Promise<void> {
    this.receipts.close()
    await new Promise<void>(resolve => void systemClock.soon(resolve))
    for (const { receipt, state } of this.waits) expect(state).toBe(this.isOnDisk(receipt) ? 'durable' : 'refused')
  }
}

describe('receipts of what is stored here', () => {
  it('I3: resolve with the first flush that took the write, whenever they are waited for', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant('write' as const) },
      { weight: 4, arbitrary: fc.constant('write and wait' as const) },
      { weight: 2, arbitrary: fc.nat(7) },
      { weight: 2, arbitrary: fc.constant('flush begins' as const) },
      { weight: 2, arbitrary: fc.constant('flush ends' as const) },
      { weight: 1, arbitrary: fc.constant('new incarnation' as const) }
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async steps => {
        const fixture = new Fixture()
        for (const each of steps) {
          if (each === 'write') fixture.write()
          else if (each === 'write and wait') fixture.wait(fixture.write())
          else if (each === 'flush begins') fixture.flushBegins()
          else if (each === 'flush ends') fixture.flushEnds()
          else if (each === 'new incarnation') fixture.table.renewIncarnation()
          else {
            const earlier = fixture.written[fixture.written.length - 1 - each]
            if (earlier) fixture.wait(earlier)
          }
          await fixture.check()
        }
        await fixture.close()
      })
    )
  })

  it('are waited for by any number at the price of one promise', () => {
    const fixture = new Fixture()
    const first = fixture.write().durable('local')
    expect(fixture.write().durable('local')).toBe(first)
    fixture.flushBegins()
    expect(fixture.write().durable('local')).not.toBe(first)
    expect(fixture.receipts.pending).toBe(3)
  })
})
