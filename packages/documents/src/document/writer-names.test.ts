import { ByteReader, ByteWriter } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { WriterNames, writeWholeName } from './writer-names.js'

describe('writer names', () => {
  const written = (write: (out: ByteWriter) => void): ByteReader => {
    const out = new ByteWriter()
    write(out)
    return new ByteReader(out.finish())
  }

  it('DOC-9: writes a key once in a channel, and names it by number from then on', () => {
    const [out, back] = [new WriterNames(), new WriterNames()]
    for (const [key, bytes] of [
      ['node~1', 8],
      ['node~2', 8],
      ['node~1', 1],
      ['node~2', 1]
    ] as const) {
      const reader = written(writer => out.write(writer, key))
      expect(reader.remaining).toBe(bytes)
      expect(back.read(reader)).toBe(key)
    }
  })

  it('DOC-9: a key written out whole moves no number', () => {
    const [out, back] = [new WriterNames(), new WriterNames()]
    expect(back.read(written(writer => writeWholeName(writer, 'long')))).toBe('long')
    for (let times = 0; times < 2; times++) expect(back.read(written(writer => out.write(writer, 'a')))).toBe('a')
  })

  it('DOC-10: refuses a number that was never given, and more names than it keeps', () => {
    const names = new WriterNames()
    expect(() => names.read(written(writer => writer.uint(2)))).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_MESSAGE_INVALID' })
    )
    const out = new WriterNames()
    for (let i = 0; i < 2_000; i++) expect(names.read(written(writer => out.write(writer, `w${i}`)))).toBe(`w${i}`)
    expect(() => names.read(written(writer => writer.uint(1).string('one more')))).toThrow(
      expect.objectContaining({ code: 'DOCUMENT_MESSAGE_INVALID' })
    )
  })
})
