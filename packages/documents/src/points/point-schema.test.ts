import { isSelvedgeError } from '@selvedge/core'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expect, it } from 'vitest'
import type { PointDefinition, PointDefinitions } from './definition.js'
import { definePoints, type AnyPointSchema, type DefinePointsOptions } from './point-schema.js'
import { refuse } from './problem.js'

function standard<I, O>(
  validate: (value: unknown) => ReturnType<StandardSchemaV1<I, O>['~standard']['validate']>
): StandardSchemaV1<I, O> {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

const scene = standard<{ name: string }, { name: string; at: number }>(value =>
  typeof value === 'object' && value !== null && 'name' in value && typeof value.name === 'string'
    ? { value: { name: value.name.trim(), at: 1 } }
    : { issues: [{ message: 'is needed', path: ['name', { key: 0 }] }] }
)

const points = definePoints({
  'ahu/:unit/supply-temp': { type: 'number', unit: '°C', min: -40, max: 120, maxAgeMs: 60_000 },
  'ahu/:unit/mode': { type: 'string', oneOf: ['off', 'heat', 'cool'] },
  'ahu/main/supply-temp': { type: 'number', max: 10 },
  'door/:door/locked': { type: 'boolean' },
  'zone/:zone/people': { type: 'number', integer: true, min: 0 },
  'zone/:zone/name': { type: 'string', maxLength: 8 },
  'zone/:zone/plan': { type: 'bytes' },
  'zone/:zone/anything': { type: 'json' },
  'zone/:zone/scene': { schema: scene },
  'meter/:meter/pulses': { type: 'counter' },
  'zone/:zone/tags': { type: 'set' },
  'zone/:zone/levels': { type: 'set', of: 'number' },
  'zone/:zone/setpoint': { type: 'priority', value: { type: 'number', min: 5, max: 35 }, relinquishDefault: 21 }
})

function reason(path: string, value: unknown, schema: AnyPointSchema = points): string {
  const result = schema.check(path, value)
  return result.ok ? 'ok' : `${result.problem.code} ${result.problem.reason}`
}

describe('check of a plain point', () => {
  it.each([
    ['ahu/1/supply-temp', 18.5],
    ['ahu/1/supply-temp', -40],
    ['ahu/main/supply-temp', 10],
    ['ahu/1/mode', 'heat'],
    ['door/3/locked', false],
    ['zone/12/people', 0],
    ['zone/12/name', 'Lobby ☕'],
    ['zone/12/anything', { nested: [1, null, 'x'] }]
  ])('takes %s = %j', (path, value) => {
    expect(points.check(path, value)).toEqual({ ok: true, value })
  })

  it('takes bytes', () => {
    const plan = new Uint8Array([1, 2])
    expect(points.check('zone/1/plan', plan)).toEqual({ ok: true, value: plan })
  })

  it.each<[string, unknown, string]>([
    ['ahu/1/supply-temp', '18', 'takes a number, not "18"'],
    ['ahu/1/supply-temp', null, 'takes a number, not null'],
    ['ahu/1/supply-temp', undefined, 'takes a number, not undefined'],
    ['ahu/1/supply-temp', Number.NaN, 'takes finite numbers, not NaN'],
    ['ahu/1/supply-temp', -40.1, 'is below min -40 °C: -40.1'],
    ['ahu/1/supply-temp', 121, 'is above max 120 °C: 121'],
    ['ahu/main/supply-temp', 11, 'is above max 10: 11'],
    ['zone/12/people', 1.5, 'takes whole numbers, not 1.5'],
    ['ahu/1/mode', 'boil', 'must be one of "off", "heat", "cool", not "boil"'],
    ['door/3/locked', 1, 'takes a boolean, not 1'],
    ['zone/12/name', 'Conference', 'is longer than 8: 10'],
    ['zone/12/name', '\ud800', "can't be held: a string is not well-formed Unicode"],
    ['zone/12/plan', 'x', 'takes bytes (a Uint8Array), not "x"'],
    ['zone/12/anything', () => 1, "can't be held: a value can't be of type function"],
    ['meter/1/pulses', 3, 'is a counter: add to it'],
    ['zone/12/tags', 'x', 'is a set: add or remove elements'],
    ['zone/12/setpoint', 21, 'is a priority array: write or relinquish a level']
  ])('refuses %s = %s', (path, value, why) => {
    expect(reason(path, value)).toBe(`POINT_REFUSED ${why}`)
  })

  it('shortens what it quotes', () => {
    expect(reason('ahu/1/mode', 'x'.repeat(10_000)).length).toBeLessThan(200)
  })
})

describe('check of a composite', () => {
  it('checks increments, elements and levels', () => {
    expect(points.check('meter/1/pulses', 5, 'counter')).toEqual({ ok: true, value: 5 })
    expect(points.check('meter/1/pulses', Infinity, 'counter').ok).toBe(false)
    expect(points.check('zone/1/tags', 'quiet', 'set').ok).toBe(true)
    expect(points.check('zone/1/tags', 5, 'set').ok).toBe(false)
    expect(points.check('zone/1/levels', 5, 'set').ok).toBe(true)
    expect(points.check('zone/1/setpoint', 22, 'priority').ok).toBe(true)
    expect(points.check('zone/1/setpoint', 36, 'priority')).toMatchObject({ problem: { reason: 'is above max 35: 36' } })
    expect(points.check('door/1/locked', true, 'priority')).toMatchObject({ problem: { reason: 'is one value: set it' } })
  })

  it('require passes the right kind and throws for others', () => {
    points.require('meter/1/pulses', 'counter')
    expect(() => points.require('meter/1/pulses', 'plain')).toThrow('meter/1/pulses is a counter: add to it')
    expect(() => points.require('metre/1/pulses', 'counter')).toThrow('did you mean meter/1/pulses?')
  })
})

describe('Standard Schema', () => {
  it('stores what the validator makes of the value', () => {
    expect(points.check('zone/1/scene', { name: ' Evening ' })).toEqual({ ok: true, value: { name: 'Evening', at: 1 } })
  })

  it('tells issues with their place, at most three', () => {
    expect(reason('zone/1/scene', 5)).toBe('POINT_REFUSED does not fit its schema: name.0: is needed')
    const many = definePoints({ x: { type: 'json', schema: standard(() => ({ issues: Array(9).fill({ message: 'no' }) })) } })
    expect(reason('x', 5, many)).toBe('POINT_REFUSED does not fit its schema: no; no; no; and 6 more')
  })

  it('refuses a Promise with its own code, and leaves no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const listener = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', listener)
    try {
      const late = definePoints({ x: { schema: standard(() => Promise.reject(new Error('late'))) } })
      expect(late.check('x', 1)).toMatchObject({ ok: false, problem: { code: 'POINT_SCHEMA_ASYNC' } })
      await new Promise(resolve => setImmediate(resolve))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', listener)
    }
  })

  it('refuses output that no register can hold', () => {
    const dates = definePoints({ x: { schema: standard(() => ({ value: new Date(0) })) } })
    expect(reason('x', 1, dates)).toBe("POINT_REFUSED can't be held: a value can't be an instance of Date")
  })

  it('keeps what a validator threw as the cause', () => {
    const cause = new Error('bug')
    const broken = definePoints({
      x: {
        schema: standard(() => {
          throw cause
        })
      }
    })
    const result = broken.check('x', 1)
    if (result.ok) return expect.unreachable()
    expect(() => refuse('x', result.problem)).toThrow(expect.objectContaining({ code: 'POINT_REFUSED', cause }) as Error)
  })
})

describe('unknown paths', () => {
  it('are refused with near matches that can be used as they stand', () => {
    expect(points.check('ahu/3/suply-temp', 1)).toMatchObject({
      ok: false,
      problem: { code: 'POINT_UNKNOWN', near: ['ahu/3/supply-temp', 'ahu/main/supply-temp'] }
    })
    expect(points.check('zone/3', 1)).toMatchObject({ problem: { code: 'POINT_UNKNOWN' } })
    expect(points.check('entirely/else/where/far', 1)).toMatchObject({ problem: { near: [] } })
    expect(points.check('ahu/3/4/supply-temp', 1)).toMatchObject({
      problem: { code: 'POINT_UNKNOWN', near: expect.any(Array) as string[] }
    })
  })

  it('take any value where the schema is not strict, but reserved paths never do', () => {
    const open = definePoints({ 'a/:x': { type: 'boolean' } }, { strict: false })
    expect(open.check('b', [1])).toEqual({ ok: true, value: [1] })
    expect(open.check('a/1', 5).ok).toBe(false)
    expect(reason('b', Symbol('no'), open)).toContain("can't be held")
    expect(reason('@doc/x', 1, open)).toContain('is reserved')
    expect(() => open.require('@doc/x', 'plain')).toThrow('is reserved')
    open.require('b', 'counter')
  })

  it('a first parameter does not reach reserved paths', () => {
    const all = definePoints({ ':first/:second': { type: 'number' } })
    expect(all.find('@doc/x')).toBeUndefined()
    expect(reason('@doc/x', 1, all)).toContain('is reserved')
  })

  it('refuse throws with path, reason and near matches', () => {
    const result = points.check('door/1/lockd', true)
    if (result.ok) return expect.unreachable()
    try {
      refuse('door/1/lockd', result.problem)
    } catch (error) {
      if (!isSelvedgeError(error, 'POINT_UNKNOWN')) throw error
      expect(error.message).toBe('door/1/lockd is not in the point schema; did you mean door/1/locked?')
      expect(error.details).toEqual({ path: 'door/1/lockd', reason: 'is not in the point schema', near: ['door/1/locked'] })
    }
  })

  it('a very long unknown path is answered', () => {
    expect(reason(`zone/${'x'.repeat(100_000)}/temp`, 1)).toContain('POINT_UNKNOWN')
  })
})

describe('find', () => {
  it('gives the pattern, its definition, parameters and age', () => {
    const found = points.find('ahu/3/supply-temp')
    expect(found).toMatchObject({ pattern: 'ahu/:unit/supply-temp', kind: 'plain', maxAgeMs: 60_000, definition: { unit: '°C' } })
    expect(points.find('ahu/3/supply-temp')).toBe(found)
    expect(points.find('ahu/main/supply-temp')?.pattern).toBe('ahu/main/supply-temp')
    expect(points.parameters('ahu/3/supply-temp')).toEqual({ unit: '3' })
    expect(points.parameters('nowhere')).toBeUndefined()
    expect([...points.points].length).toBe(13)
  })

  it('answers the same with a cache that is too small', () => {
    const tiny = definePoints(points.definitions, { cacheEntriesMax: 2 })
    for (let i = 0; i < 1_000; i++) expect(tiny.find(`zone/${i}/name`)?.pattern).toBe('zone/:zone/name')
  })

  it('is not changed by a later change of the definition', () => {
    const definition = { type: 'number' as const, max: 5 }
    const schema = definePoints({ x: definition })
    definition.max = 100
    expect(schema.check('x', 6).ok).toBe(false)
  })
})

describe('definePoints refuses', () => {
  const invalid = (definitions: unknown, options?: DefinePointsOptions): string => {
    try {
      definePoints(definitions as PointDefinitions, options)
      return 'defined'
    } catch (error) {
      if (!isSelvedgeError(error, 'POINTS_INVALID')) throw error
      return error.message
    }
  }

  it.each<[string, string]>([
    ['', 'it is empty'],
    ['/a', 'empty segment'],
    ['a//b', 'empty segment'],
    ['@doc/:x', 'reserved'],
    ['a/*', 'wildcards'],
    ['a/:', 'parameter name'],
    ['a/:1x', 'parameter name'],
    ['a/:x/:x', 'twice'],
    ['x'.repeat(600), 'longer than 512']
  ])('the pattern %j', (pattern, why) => {
    expect(invalid({ [pattern]: { type: 'number' } })).toContain(why)
  })

  it('patterns that match the same paths', () => {
    expect(invalid({ 'a/:x': { type: 'number' }, 'a/:y': { type: 'boolean' } })).toContain('same paths as "a/:x"')
  })

  it.each<[PointDefinition | unknown, string]>([
    [null, 'must be an object'],
    ['number', 'must be an object'],
    [{}, 'neither type nor schema'],
    [{ type: 'float' }, 'its type must be one of number'],
    [{ type: 'toString' }, 'its type must be one of number'],
    [{ type: 'number', mini: 3 }, 'type number has no "mini"'],
    [{ schema: scene, min: 3 }, 'a schema has no "min"'],
    [{ type: 'number', min: 3, max: 2 }, 'min 3 is above max 2'],
    [{ type: 'number', min: Number.NaN }, 'min must be a finite number'],
    [{ type: 'number', max: '5' }, 'max must be a finite number'],
    [{ type: 'number', integer: true, min: 1.2, max: 1.8 }, 'no whole number'],
    [{ type: 'number', maxAgeMs: 0 }, 'maxAgeMs'],
    [{ type: 'string', oneOf: [] }, 'at least one'],
    [{ type: 'string', oneOf: ['a', 'a'] }, 'twice'],
    [{ type: 'string', oneOf: [1] }, 'list of texts'],
    [{ type: 'string', oneOf: 'abc' }, 'list of at least one'],
    [{ type: 'string', oneOf: ['abc'], maxLength: 2 }, 'longer than maxLength'],
    [{ type: 'string', maxLength: -1 }, 'maxLength'],
    [{ type: 'json', schema: { parse() {} } }, 'no Standard Schema'],
    [{ schema: undefined }, 'no Standard Schema'],
    [{ type: 'set', of: 'boolean' }, "a set is of 'string' or of 'number'"],
    [{ type: 'priority', value: { type: 'bytes' }, relinquishDefault: 1 }, 'holds numbers, booleans or strings'],
    [{ type: 'priority', value: { type: 'number', min: 5, max: 1 }, relinquishDefault: 3 }, 'in value: min 5 is above max 1'],
    [{ type: 'priority', value: { type: 'number', min: 5 }, relinquishDefault: 3 }, 'relinquishDefault is below min 5: 3'],
    [{ type: 'priority', value: { type: 'number' } }, 'relinquishDefault takes a number, not undefined']
  ])('%j', (definition, why) => {
    expect(invalid({ x: definition })).toContain(why)
  })

  it('too many patterns, and too entangled ones', () => {
    const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`p/${i}`, { type: 'boolean' }]))
    expect(invalid(many)).toContain('the limit is 10000')
    const entangled = Array.from({ length: 20 }, (_, at) =>
      Array.from({ length: 20 }, (_, i) => (i === at ? 'x' : `:p${i}`)).join('/')
    )
    expect(invalid(Object.fromEntries(entangled.map(each => [each, { type: 'boolean' }])))).toContain('overlap too much')
  })

  it('nothing of thousands of ordinary patterns', () => {
    const many = Object.fromEntries(
      Array.from({ length: 5_000 }, (_, i) => [`kind-${i % 50}/:id/point-${i}`, { type: 'number' }])
    )
    expect(invalid(many)).toBe('defined')
  })
})
