import { documentId } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import {
  appendBatch,
  compactBatch,
  decodeHeader,
  encodeHeader,
  noRecords,
  parseRecordKey,
  type Header
} from './stored-records.js'

const id = documentId('floor/u/1')

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

describe('stored records', () => {
  it('are found again whatever their document is called', () => {
    expect(parseRecordKey('doc/floor/u/1/u/7')).toEqual({ id, kind: 'u', number: 7 })
    expect(parseRecordKey('doc/floor/u/1')).toEqual({ id: 'floor', kind: 'u', number: 1 })
    expect(parseRecordKey('doc/@x/u/1')).toBeUndefined()
    expect(parseRecordKey('doc//u/1')).toBeUndefined()
    expect(parseRecordKey('registers/1')).toBeUndefined()
  })

  it('of format 1 stay readable: the header', () => {
    const header: Header = {
      engine: 'automerge',
      deleted: true,
      included: new Map([['a.1', 300]]),
      own: new Map([['a.1', { count: 300, clock: 9 }]]),
      records: { snapshot: 4, snapshotBytes: 1_000, firstUpdate: 5, updates: 2, updateBytes: 64 },
      release: { heads: ['ab'], by: 'a', atMs: 1 }
    }
    const stored = '010103' + '0103612e31ac02' + '0103612e31ac0209' + '04e807050240'
    expect(hex(encodeHeader(header)).startsWith(stored)).toBe(true)
    expect(decodeHeader(encodeHeader(header))).toEqual(header)
    expect(() => decodeHeader(Uint8Array.of(2, 0))).toThrowError(expect.objectContaining({ code: 'CODEC_INVALID' }))
  })

  it('of a header that lists more updates than there can be are not looked for one by one', () => {
    const records = { ...noRecords(), updates: 2 ** 40 }
    const header: Header = { engine: 'yjs', deleted: false, included: new Map(), own: new Map(), records, release: undefined }
    expect(() => decodeHeader(encodeHeader(header))).toThrowError(expect.objectContaining({ code: 'CODEC_OVERFLOW' }))
  })

  it('of format 1 stay readable: updates and snapshots', () => {
    const appended = appendBatch(id, noRecords(), 'yjs', [Uint8Array.of(1, 2), Uint8Array.of(3)])
    expect(appended.puts.map(({ key, value }) => [key, hex(value)])).toEqual([
      ['doc/floor/u/1/u/1', '010002' + '020102' + '0103']
    ])
    const compacted = compactBatch(id, appended.records, 'yjs', Uint8Array.of(9), ['doc/floor/u/1/u/77'])
    expect(compacted.puts.map(({ key, value }) => [key, hex(value)])).toEqual([['doc/floor/u/1/s/2', '010001' + '0109']])
    expect(compacted.deletes).toEqual(['doc/floor/u/1/u/1', 'doc/floor/u/1/u/77'])
    expect(compacted.records).toMatchObject({ snapshot: 2, firstUpdate: 3, updates: 0 })
  })
})
