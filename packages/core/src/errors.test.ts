import { describe, expect, it } from 'vitest'
import { assert, isSelvedgeError, SelvedgeError } from './errors.js'

describe('SelvedgeError', () => {
  it('carries code, message, cause and details', () => {
    const cause = new Error('EIO')
    const error = new SelvedgeError('STORE_IO', 'the disk failed', { cause, details: { space: 'hq/state' } })
    expect(error).toMatchObject({ name: 'SelvedgeError', code: 'STORE_IO', message: 'the disk failed', cause })
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: 'STORE_IO',
      message: 'the disk failed',
      details: { space: 'hq/state' }
    })
  })

  it('has no cause and empty details when none are given', () => {
    const error = new SelvedgeError('X', 'y')
    expect('cause' in error).toBe(false)
    expect(error.details).toEqual({})
  })

  it('is told from other errors, and by its code', () => {
    const error: unknown = new SelvedgeError('STORE_IO', 'x')
    expect(isSelvedgeError(error)).toBe(true)
    expect(isSelvedgeError(error, 'STORE_IO')).toBe(true)
    expect(isSelvedgeError(error, 'STORE_FULL')).toBe(false)
    for (const other of [new Error('x'), { code: 'STORE_IO' }, 'STORE_IO', null, undefined])
      expect(isSelvedgeError(other)).toBe(false)
  })
})

describe('assert', () => {
  it('throws for what is falsy, and no SelvedgeError: nobody is meant to catch it', () => {
    expect(() => assert(true, 'x')).not.toThrow()
    expect(() => assert(0, 'n is set')).toThrow('assertion failed: n is set')
    try {
      assert(false, 'x')
    } catch (error) {
      expect(isSelvedgeError(error)).toBe(false)
    }
  })
})
