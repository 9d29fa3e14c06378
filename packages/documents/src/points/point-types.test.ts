// Checked by the compiler: a type that is not as stated here fails `npm run check`.
import type { Value } from '@selvedge/core'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { describe, expectTypeOf, it } from 'vitest'
import { definePoints, type AnyPointSchema, type PointSchema } from './point-schema.js'
import type {
  CounterPath,
  KindOf,
  PathArgument,
  PathOf,
  PathsOf,
  PatternOf,
  PlainPath,
  PointInput,
  PointValue,
  PriorityPath,
  PriorityValue,
  SetElementOf,
  SetPath
} from './point-types.js'

interface Scene {
  name: string
  at: number
}
const scene: StandardSchemaV1<{ name: string }, Scene> = {
  '~standard': { version: 1, vendor: 'test', validate: () => ({ value: { name: 'x', at: 1 } }) }
}

const points = definePoints({
  'ahu/:unit/supply-temp': { type: 'number', unit: '°C', min: -40, max: 120 },
  'ahu/:unit/mode': { type: 'string', oneOf: ['off', 'heat', 'cool'] },
  'ahu/:unit/label': { type: 'string' },
  'ahu/main/label': { type: 'bytes' },
  'door/:door/locked': { type: 'boolean' },
  'zone/:zone/anything': { type: 'json' },
  'zone/:zone/scene': { schema: scene },
  'zone/:zone/typed-scene': { type: 'json', schema: scene },
  'meter/:meter/pulses': { type: 'counter' },
  'zone/:zone/tags': { type: 'set' },
  'zone/:zone/levels': { type: 'set', of: 'number' },
  'zone/:zone/setpoint': { type: 'priority', value: { type: 'number', min: 5 }, relinquishDefault: 21 },
  'zone/:zone/fan': { type: 'priority', value: { type: 'string', oneOf: ['low', 'high'] }, relinquishDefault: 'low' }
})
type S = typeof points

const open = definePoints({ 'a/:x': { type: 'number' } }, { strict: false })

// As an API over points declares its methods.
interface Methods<Schema extends AnyPointSchema> {
  set<P extends string>(path: PathArgument<Schema, P, 'plain'>, value: PointInput<Schema, P>): void
  get<P extends string>(path: PathArgument<Schema, P, 'plain'>): PointValue<Schema, P> | undefined
  getToo<P extends string>(path: P & PathArgument<Schema, P, 'plain'>): PointValue<Schema, P> | undefined
  counter<P extends string>(path: PathArgument<Schema, P, 'counter'>): void
  add<P extends string>(path: PathArgument<Schema, P, 'set'>, element: SetElementOf<Schema, P>): void
  level<P extends string>(path: PathArgument<Schema, P, 'priority'>, value: PriorityValue<Schema, P>): void
}

const accepted: unknown[] = []
const methods: Methods<S> = {
  set: (...all) => void accepted.push(all),
  get: () => undefined,
  getToo: () => undefined,
  counter: (...all) => void accepted.push(all),
  add: (...all) => void accepted.push(all),
  level: (...all) => void accepted.push(all)
}
const untyped = methods as unknown as Methods<AnyPointSchema>
const lenient = methods as unknown as Methods<typeof open>

describe('the value of a path', () => {
  it('follows from its definition', () => {
    expectTypeOf<PointValue<S, 'ahu/3/supply-temp'>>().toEqualTypeOf<number>()
    expectTypeOf<PointValue<S, 'ahu/3/mode'>>().toEqualTypeOf<'off' | 'heat' | 'cool'>()
    expectTypeOf<PointValue<S, 'ahu/3/label'>>().toEqualTypeOf<string>()
    expectTypeOf<PointValue<S, 'door/1/locked'>>().toEqualTypeOf<boolean>()
    expectTypeOf<PointValue<S, 'zone/1/anything'>>().toEqualTypeOf<Value>()
    expectTypeOf<PointValue<S, 'zone/1/scene'>>().toEqualTypeOf<Readonly<Scene>>()
    expectTypeOf<PointValue<S, 'zone/1/typed-scene'>>().toEqualTypeOf<Readonly<Scene>>()
    expectTypeOf<PointInput<S, 'zone/1/scene'>>().toEqualTypeOf<{ name: string }>()
    expectTypeOf<PointValue<S, 'meter/1/pulses'>>().toEqualTypeOf<number>()
    expectTypeOf<PointValue<S, 'zone/1/tags'>>().toEqualTypeOf<readonly string[]>()
    expectTypeOf<PointValue<S, 'zone/1/levels'>>().toEqualTypeOf<readonly number[]>()
    expectTypeOf<SetElementOf<S, 'zone/1/tags'>>().toEqualTypeOf<string>()
    expectTypeOf<SetElementOf<S, 'zone/1/levels'>>().toEqualTypeOf<number>()
    expectTypeOf<PriorityValue<S, 'zone/1/setpoint'>>().toEqualTypeOf<number>()
    expectTypeOf<PriorityValue<S, 'zone/1/fan'>>().toEqualTypeOf<'low' | 'high'>()
  })

  it('is that of the literal where a literal and a parameter match', () => {
    expectTypeOf<PointValue<S, 'ahu/main/label'>>().toEqualTypeOf<Uint8Array>()
    expectTypeOf<PatternOf<S, 'ahu/main/label'>>().toEqualTypeOf<'ahu/main/label'>()
    expectTypeOf<PatternOf<S, 'ahu/main/mode'>>().toEqualTypeOf<'ahu/:unit/mode'>()
  })

  it('is known for templates, and is a union where the hole may be either', () => {
    expectTypeOf<PointValue<S, `ahu/${number}/supply-temp`>>().toEqualTypeOf<number>()
    expectTypeOf<PointValue<S, `ahu/${string}/mode`>>().toEqualTypeOf<'off' | 'heat' | 'cool'>()
    expectTypeOf<PointValue<S, `ahu/${string}/label`>>().toEqualTypeOf<string | Uint8Array>()
    expectTypeOf<PointValue<S, `ahu/${number}/label`>>().toEqualTypeOf<string>()
    expectTypeOf<PointValue<S, 'door/1/locked' | 'ahu/1/supply-temp'>>().toEqualTypeOf<boolean | number>()
  })

  it('is any value for a path known at run time only, and where there is no schema', () => {
    expectTypeOf<PointValue<S, string>>().toEqualTypeOf<Value>()
    expectTypeOf<PointValue<AnyPointSchema, 'any/path'>>().toEqualTypeOf<Value>()
    expectTypeOf<PointValue<PointSchema, 'any/path'>>().toEqualTypeOf<Value>()
    expectTypeOf<PathsOf<AnyPointSchema>>().toEqualTypeOf<string>()
  })

  it('is never for a path that a strict schema does not have, and any value in a lenient one', () => {
    expectTypeOf<PointValue<S, 'ahu/3/suply-temp'>>().toEqualTypeOf<never>()
    expectTypeOf<PointValue<S, 'ahu/3/4/supply-temp'>>().toEqualTypeOf<never>()
    expectTypeOf<PointValue<S, 'ahu/3'>>().toEqualTypeOf<never>()
    expectTypeOf<PointValue<S, 'ahu//supply-temp'>>().toEqualTypeOf<never>()
    expectTypeOf<PointValue<typeof open, 'elsewhere'>>().toEqualTypeOf<Value>()
    expectTypeOf<PointValue<typeof open, 'a/1'>>().toEqualTypeOf<number>()
  })
})

describe('paths by kind', () => {
  it('take templates and literals', () => {
    expectTypeOf<PathOf<'a/:x/b/:y'>>().toEqualTypeOf<`a/${string}/b/${string}`>()
    expectTypeOf<'ahu/3/supply-temp'>().toExtend<PlainPath<S>>()
    expectTypeOf<CounterPath<S>>().toEqualTypeOf<`meter/${string}/pulses`>()
    expectTypeOf<SetPath<S>>().toEqualTypeOf<`zone/${string}/tags` | `zone/${string}/levels`>()
    expectTypeOf<PriorityPath<S>>().toEqualTypeOf<`zone/${string}/setpoint` | `zone/${string}/fan`>()
    expectTypeOf<'nowhere/1'>().not.toExtend<PathsOf<S>>()
    expectTypeOf<KindOf<{ type: 'json' }>>().toEqualTypeOf<'plain'>()
  })
})

describe('a method over points', () => {
  it('takes the paths of its kind and their values', () => {
    const unit: number = 3
    const elsewhere: string = 'a path from elsewhere'
    methods.set('ahu/3/supply-temp', 18.5)
    methods.set(`ahu/${unit}/supply-temp`, 18.5)
    methods.set('ahu/3/mode', 'heat')
    methods.set('zone/1/scene', { name: 'x' })
    methods.set(elsewhere, [1, 2])
    methods.counter('meter/1/pulses')
    methods.add('zone/1/levels', 5)
    methods.level('zone/1/fan', 'high')
    untyped.set('any/path', { any: 'value' })
    untyped.counter('any/path')
    lenient.set('elsewhere', 'x')
    lenient.set('a/1', 5)
    expectTypeOf(methods.get(`ahu/${unit}/supply-temp`)).toEqualTypeOf<number | undefined>()
    expectTypeOf(methods.get(elsewhere)).toEqualTypeOf<Value | undefined>()
    expectTypeOf(methods.getToo('ahu/3/supply-temp')).toEqualTypeOf<number | undefined>()
    expectTypeOf(methods.getToo(elsewhere)).toEqualTypeOf<Value | undefined>()
    expectTypeOf(methods.get('zone/1/scene')).toEqualTypeOf<Readonly<Scene> | undefined>()
  })

  it('takes no other path: the parameter then is the list of those it takes, or never', () => {
    expectTypeOf<PathArgument<S, 'ahu/3/supply-temp', 'plain'>>().toEqualTypeOf<'ahu/3/supply-temp'>()
    expectTypeOf<PathArgument<S, 'meter/1/pulses', 'counter'>>().toEqualTypeOf<'meter/1/pulses'>()
    expectTypeOf<PathArgument<S, string, 'plain'>>().toEqualTypeOf<string>()
    expectTypeOf<PathArgument<S, 'ahu/3/suply-temp', 'plain'>>().toEqualTypeOf<PlainPath<S>>()
    expectTypeOf<PathArgument<S, 'meter/1/pulses', 'plain'>>().toEqualTypeOf<PlainPath<S>>()
    expectTypeOf<PathArgument<S, 'ahu/3/supply-temp', 'counter'>>().toEqualTypeOf<CounterPath<S>>()
    expectTypeOf<PathArgument<S, 'ahu/3/4/supply-temp', 'plain'>>().toEqualTypeOf<never>()
    expectTypeOf<PathArgument<S, `door/${number}/lock`, 'plain'>>().toEqualTypeOf<PlainPath<S>>()
    expectTypeOf<PathArgument<typeof open, 'elsewhere', 'plain'>>().toEqualTypeOf<'elsewhere'>()
    expectTypeOf<PathArgument<typeof open, 'a/1', 'counter'>>().toEqualTypeOf<never>()
    type Taken<P extends string> = P extends PathArgument<S, P, 'plain'> ? true : false
    expectTypeOf<Taken<'ahu/3/suply-temp'>>().toEqualTypeOf<false>()
    expectTypeOf<Taken<'meter/1/pulses'>>().toEqualTypeOf<false>()
    expectTypeOf<Taken<'door/1/locked'>>().toEqualTypeOf<true>()
  })

  it('takes no other value', () => {
    expectTypeOf<string>().not.toExtend<PointInput<S, 'ahu/3/supply-temp'>>()
    expectTypeOf<'boil'>().not.toExtend<PointInput<S, 'ahu/3/mode'>>()
    expectTypeOf<{ at: number }>().not.toExtend<PointInput<S, 'zone/1/scene'>>()
  })

  it('a typed schema passes where any schema does', () => {
    expectTypeOf<S>().toExtend<AnyPointSchema>()
    expectTypeOf(open.strict).toEqualTypeOf<false>()
    expectTypeOf(points.strict).toEqualTypeOf<true>()
  })
})
