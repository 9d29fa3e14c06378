import { ByteReader } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { Credit } from './credit.js'
import { Kind } from './frames.js'

const kib = 1024

describe('SES-17 credit', () => {
  it('is a window: used up by data, given back as it is dealt with, never more than at first', () => {
    const sender = new Credit(64 * kib)
    const receiver = new Credit(1024 * kib)
    let underWay = 0
    for (let frame = 0; frame < 100; frame++) {
      if (!sender.left) break
      sender.spend(Kind.Registers, 10 * kib)
      underWay++
    }
    expect(underWay).toBe(7)
    // A receiver with a larger window of its own gives credit back in time all the same.
    for (; underWay > 0; underWay--) {
      const grant = receiver.consume(Kind.Registers, 10 * kib)
      if (grant) sender.granted(new ByteReader(grant.body).uint())
    }
    expect(sender.left).toBe(true)
    sender.granted(1024 * kib)
    sender.spend(Kind.Registers, 64 * kib)
    expect(sender.left).toBe(false)
  })

  it('is not used by control frames', () => {
    const credit = new Credit(64 * kib)
    credit.spend(Kind.Ack, 1024 * kib)
    expect([credit.left, credit.consume(Kind.Ack, 1024 * kib)]).toEqual([true, undefined])
  })
})
