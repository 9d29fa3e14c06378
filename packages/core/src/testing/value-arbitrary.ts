/** Values of every kind for property tests, edges included; each passes `valueProblem` and encodes within the limits. */
import fc from 'fast-check'
import { OpaqueValue, type Value } from '../value.js'

export function valueArbitrary(): fc.Arbitrary<Value> {
  const text = fc.string({ unit: 'binary', maxLength: 80 })
  const leaf = fc.oneof(
    fc.constantFrom(null, true, false),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.maxSafeInteger(),
    fc.integer({ min: -100_000, max: 100_000 }).map(hundredths => hundredths / 100),
    text,
    fc.uint8Array({ maxLength: 80 }),
    fc
      .tuple(fc.integer({ min: 16, max: 255 }), fc.uint8Array({ maxLength: 20 }))
      .map(([tag, bytes]) => new OpaqueValue(tag, bytes))
  )
  return fc.letrec<{ value: Value }>(tie => ({
    value: fc.oneof(
      { maxDepth: 6, depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 6 }),
      fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'length', '0')), tie('value'), { maxKeys: 6 })
    )
  })).value
}
