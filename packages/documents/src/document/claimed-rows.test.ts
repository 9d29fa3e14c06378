/** Columns that claim rows without end are refused before Automerge makes room for them; what Automerge writes is not. */
import { createHash } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { ByteWriter, SelvedgeError } from '@selvedge/core'
import { AutomergeEngine, importAutomerge, type Automerge } from './automerge-engine.js'
import { changeChunks } from './change-chunks.js'
import { checkClaimedRows, type RowLimits } from './claimed-rows.js'

const limits = { rowsMax: 1_000, inflatedBytesMax: 10_000 }
const integers = 0x12
const booleans = 0x34
const strings = 0x55
const raw = 0x57
const deflated = 8

let automerge: Automerge
beforeAll(async () => {
  automerge = await importAutomerge()
})

function check(update: Uint8Array, within: RowLimits = limits): void {
  for (const each of changeChunks(update)) checkClaimedRows(each, within)
}

function chunk(type: number, contents: Uint8Array): Uint8Array {
  const length = new ByteWriter().uint(contents.length).finish()
  const rest = Uint8Array.from([type, ...length, ...contents])
  const checksum = createHash('sha256').update(rest).digest().subarray(0, 4)
  return Uint8Array.from([0x85, 0x6f, 0x4a, 0x83, ...checksum, ...rest])
}

/** A change, or a document, of one column. */
function withColumn(type: 0 | 1 | 2, spec: number, data: readonly number[]): Uint8Array {
  const actor = [16, ...new Uint8Array(16).fill(7)]
  const columns = [1, spec, data.length]
  if (type === 0) return chunk(0, Uint8Array.from([1, ...actor, 0, 0, ...columns, ...data]))
  const change = Uint8Array.from([0, ...actor, 1, 1, 0, 0, 0, ...columns, ...data])
  return chunk(type, type === 2 ? deflateRawSync(change) : change)
}

const thousandMillion = [0x80, 0x94, 0xeb, 0xdc, 0x03]
const claims: [string, number, readonly number[]][] = [
  ['a run', integers, [...thousandMillion, 5]],
  ['a run of nulls', integers, [0, ...thousandMillion]],
  ['a run of strings', strings, [...thousandMillion, 1, 0x61]],
  ['a run of booleans', booleans, [0, ...thousandMillion]],
  ['a run that is deflated', integers | deflated, [...deflateRawSync(Uint8Array.from([...thousandMillion, 5]))]],
  ['a run after others', integers, [3, 1, 0x7e, 1, 2, ...thousandMillion, 5]]
]

describe('claimed rows', () => {
  for (const type of [0, 1, 2] as const)
    for (const [what, spec, data] of claims)
      it(`DOC-10: ${what} is refused, in a chunk of type ${type}`, () => {
        expect(() => check(withColumn(type, spec, data))).toThrow('a column claims more than 1000 rows')
        expect(() => check(withColumn(type, spec, data), { ...limits, rowsMax: 2e9 })).not.toThrow()
      })

  it('DOC-10: what is deflated is bounded', () => {
    const long = [...deflateRawSync(new Uint8Array(20_000))]
    expect(() => check(withColumn(0, integers | deflated, long))).toThrow('larger than 10000 bytes')
    expect(() => check(withColumn(0, raw, long.slice(0, 100)))).not.toThrow()
  })

  it('DOC-10: what can not be counted is refused', () => {
    const unread: [number, readonly number[]][] = [
      [integers | deflated, [0xff, 0xff]],
      [integers, [2]],
      [integers, [0x7e, 1]],
      [strings, [1, 9, 0x61]],
      [booleans, [0x80]]
    ]
    for (const [spec, data] of unread) expect(() => check(withColumn(0, spec, data))).toThrow()
    expect(() => check(chunk(0, Uint8Array.of(1, 16)))).toThrow()
    expect(() => check(chunk(2, Uint8Array.of(0xff)))).toThrow()
  })

  it('lets a long text pass: each of its characters is a row', () => {
    let doc = automerge.from<Record<string, unknown>>({ text: 'x'.repeat(30_000) })
    const whole = { rowsMax: 1_000, inflatedBytesMax: 1_000_000 }
    for (const bytes of [automerge.save(doc), ...automerge.getAllChanges(doc)]) {
      expect(() => check(bytes, whole)).not.toThrow()
    }
    doc = automerge.change(doc, draft => automerge.splice(draft, ['text'], 0, 30_000))
    expect(() => check(automerge.getLastLocalChange(doc)!, whole)).toThrow('a column claims more than')
  })

  it('DOC-10: whatever the bytes, the count ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(0, 1, 2, 3), (bytes, type) => {
        try {
          check(chunk(type, bytes))
        } catch (error) {
          if (!(error instanceof SelvedgeError))
            expect(`${(error as NodeJS.ErrnoException).code} ${(error as Error).message}`).toMatch(
              /a column claims|^Z_|^ERR_BUFFER/
            )
        }
      }),
      { numRuns: 2_000 }
    )
  })

  it('lets what Automerge writes pass, and counts no more rows than it has operations', () => {
    const edits = fc.array(fc.tuple(fc.constantFrom('set', 'push', 'count', 'text', 'delete', 'values', 'merge'), fc.nat(20)), {
      minLength: 1,
      maxLength: 30
    })
    fc.assert(
      fc.property(edits, fc.integer({ min: 1, max: 40 }), (list, copies) => {
        let doc = automerge.from<Record<string, unknown>>({ list: [], n: new automerge.Counter(0), text: '' })
        for (const [kind, value] of list) {
          if (kind === 'merge') {
            const other = automerge.change(automerge.clone(doc), draft => (draft[`k${value}`] = 'theirs'))
            doc = automerge.merge(
              automerge.change(doc, draft => (draft[`k${value}`] = -value)),
              other
            )
          } else
            doc = automerge.change(doc, draft => {
              for (let copy = 0; copy < copies; copy++) {
                if (kind === 'set') draft[`k${(value + copy) % 7}`] = value
                else if (kind === 'push') (draft['list'] as unknown[]).push(value)
                else if (kind === 'count') (draft['n'] as { increment: (by: number) => void }).increment(1)
                else if (kind === 'text') automerge.splice(draft, ['text'], 0, 0, 'x'.repeat(value))
                else if (kind === 'values')
                  draft['v'] = { yes: true, no: null, half: value / 3, at: new Date(value), raw: new Uint8Array(value) }
                else delete draft[`k${(value + copy) % 7}`]
              }
            })
        }
        const { numOps, numChanges } = automerge.stats(doc)
        const rowsMax = numOps + numChanges
        for (const bytes of [automerge.save(doc), ...automerge.getAllChanges(doc)]) check(bytes, { ...limits, rowsMax })
      }),
      { numRuns: 50 }
    )
  })

  it('DOC-10: an answer of 573 bytes for which Automerge takes a gigabyte is refused, and takes nothing', () => {
    const engine = new AutomergeEngine(automerge, {
      actor: 'a'.repeat(32),
      author: 'x',
      local: () => undefined,
      changed: () => undefined
    })
    const before = process.memoryUsage().external
    const body = Uint8Array.from(Buffer.from(hungryAnswer, 'base64'))
    expect(() => engine.pull().receive({ body, target: new Uint8Array() })).toThrowError(
      expect.objectContaining({ code: 'DOCUMENT_MESSAGE_INVALID' })
    )
    expect(process.memoryUsage().external - before).toBeLessThan(50e6)
    engine.destroy()
  })
})

// A document in which a mutated length makes 133 million rows of eight bytes of a float.
const hungryAnswer =
  'AYVvSoPxOkm2ALEEAhBqCru0Eh4YS3Tr/bVRW5V6ELu7u7u7u7u7u7u7u7u7u7sBVhNoS/ur4gjkYqHKnNx+U1UbdFhB4SM62FGZILbysX4IAQQDBhMKIwg1A0AEQwRWAg4BCAIdER4TMxU/IRAjMjQIQhpWLV8xgAEOgQEFgwEIBAEDAAQBmpmZmZmZuT8HCOAEAgF/AAMBf30CAQcBbX8ABgF/AAUBBwcACvAEAd4EAAAKfwEFAn8IBQnYBA8G6AR/7wQF8AQG9wTYBP4EAAwEAQACBAEAAdcEAQABBQEAAgQBAAEFAAAB1wQAAAt+AAMDAQABfnoKAwF+cxDWBAF+mnvpBAQBAAF+k3vxBAMBfox7+AQEAX6Ee/8E1gQBfwdjb3VudGVyAgJrMAICazECAmsyfwJrMwIEbG9uZ38GbmVzdGVkAAV/Bm5lc3RlZADjBH8GbmVzdGVkAOMEAwECAAIBfQABAPAEAd4EAHX2BJJ75wQI4QSpducE7wS4du8EhHsFAX8CBQF/AtcEAX8CBQF/AgUBfwMFAX8C1wQBCwUB4wQB4wR/AQIAewQBAAQBAgR/AgUBfwLjBAF/AuMEAX8YAwB/FAIAfxQDAHUCAIUBGTcAAgCFARk33QQWeUYAAgCFARk3BRZ/RtgEFmNmYmQAgx/2DGcPl8PZWw9frhgFo4AGoCS1okThw/yeLnhic6m4DBccDfJRUEEDAAB6AAEAAQABAgB/Ac8JAHwBAAEAfO8E6QSQexYG'
