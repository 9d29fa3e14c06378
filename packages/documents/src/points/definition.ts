/**
 * What may stand in `definePoints`: one definition a path pattern. A pattern is a path whose segments may be parameters
 * (`ahu/:unit/supply-temp`); a parameter matches exactly one segment.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec'

/** What every definition may say. */
export interface PointBase {
  /** For people: what the point means. */
  readonly description?: string
  /** Milliseconds after its last write from which the point counts as overdue. Default: it never does. */
  readonly maxAgeMs?: number
}

/** A finite number. */
export interface NumberPoint extends PointBase {
  readonly type: 'number'
  /** For people: `°C`, `kWh`. */
  readonly unit?: string
  /** Smallest value taken. */
  readonly min?: number
  /** Largest value taken. */
  readonly max?: number
  /** Whether only whole numbers are taken; default false. */
  readonly integer?: boolean
}

export interface BooleanPoint extends PointBase {
  readonly type: 'boolean'
}

export interface StringPoint extends PointBase {
  readonly type: 'string'
  /** Longest text taken, in UTF-16 units (`text.length`). Default: bounded by the size of a value alone. */
  readonly maxLength?: number
  /** The only texts taken. */
  readonly oneOf?: readonly string[]
}

export interface BytesPoint extends PointBase {
  readonly type: 'bytes'
}

/** Any value, or what a Standard Schema validator (zod, valibot, arktype...) makes of it: its output is stored. */
export interface JsonPoint extends PointBase {
  readonly type: 'json'
  /** Must answer at once: a validator that returns a Promise is refused with `POINT_SCHEMA_ASYNC`. */
  readonly schema?: StandardSchemaV1
}

/** The short form of {@link JsonPoint}: `{ schema }`. */
export interface SchemaPoint extends PointBase {
  readonly type?: never
  readonly schema: StandardSchemaV1
}

/** A sum that every writer adds to. */
export interface CounterPoint extends PointBase {
  readonly type: 'counter'
}

/** A set of strings (the default) or of numbers; of an add and a removal of one element the later wins. */
export interface SetPoint extends PointBase {
  readonly type: 'set'
  readonly of?: 'string' | 'number'
}

/** BACnet's 16 levels: the lowest filled level wins, and `relinquishDefault` when none is. */
export type PriorityPoint = PointBase & { readonly type: 'priority' } & (
    | { readonly value: NumberPoint; readonly relinquishDefault: number }
    | { readonly value: BooleanPoint; readonly relinquishDefault: boolean }
    | { readonly value: StringPoint; readonly relinquishDefault: string }
  )

/** A definition whose value is one register. */
export type PlainPoint = NumberPoint | BooleanPoint | StringPoint | BytesPoint | JsonPoint | SchemaPoint

export type PointDefinition = PlainPoint | CounterPoint | SetPoint | PriorityPoint

/** Path pattern → definition. */
export type PointDefinitions = Readonly<Record<string, PointDefinition>>

/** How a point is written: as one register, or by the operations of a composite. */
export type PointKind = 'plain' | 'counter' | 'set' | 'priority'
