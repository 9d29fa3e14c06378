/**
 * What TypeScript knows of a schema: which paths there are, how each is written, and which value it takes. A path is a literal
 * (`'ahu/3/supply-temp'`) or a template (`` `ahu/${unit}/supply-temp` ``); of several patterns that match, the same one counts as
 * at run time: a literal segment beats a parameter, from the left. A path known as `string` only has {@link Value}s.
 *
 * A method over points is declared so:
 * @example
 * set<P extends string>(path: PathArgument<S, P, 'plain'>, value: PointInput<S, P>): Receipt
 */
import type { Value } from '@selvedge/core'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { PointDefinitions, PointKind } from './definition.js'

/** What types read of a schema. */
export interface SchemaShape<D extends PointDefinitions = PointDefinitions, Strict extends boolean = boolean> {
  readonly definitions: D
  readonly strict: Strict
}

/** The paths that a pattern matches, each parameter as `${string}`. */
export type PathOf<K extends string> = K extends `${infer Head}/${infer Rest}`
  ? `${SegmentOf<Head>}/${PathOf<Rest>}`
  : SegmentOf<K>
type SegmentOf<T extends string> = T extends `:${string}` ? string : T

/** The value that a definition's point reads as: for a counter its sum, for a set its elements, for a priority array the winner's. */
export type ValueOf<D> = D extends { readonly schema: infer S extends StandardSchemaV1 }
  ? Held<StandardSchemaV1.InferOutput<S>>
  : D extends { readonly type: 'string'; readonly oneOf: readonly (infer Text)[] }
    ? Text
    : D extends { readonly type: 'priority'; readonly value: infer Inner }
      ? ValueOf<Inner>
      : D extends { readonly type: 'set' }
        ? readonly ElementOf<D>[]
        : D extends { readonly type: infer T extends keyof ValuesByType }
          ? ValuesByType[T]
          : Value

// What is read is a frozen copy. An interface has no index signature, which a Value has: mapped, it fits.
type Held<T> = T extends Value ? T : { readonly [K in keyof T]: Held<T[K]> }

interface ValuesByType {
  number: number
  counter: number
  boolean: boolean
  string: string
  bytes: Uint8Array
  json: Value
}

type ElementOf<D> = D extends { readonly of: 'number' } ? number : string

/** What a write of a plain definition takes: a validator's input may differ from what it makes of it. */
type InputOf<D> = D extends { readonly schema: infer S extends StandardSchemaV1 } ? StandardSchemaV1.InferInput<S> : ValueOf<D>

/** How a definition's point is written. */
export type KindOf<D> = D extends { readonly type: infer T extends 'counter' | 'set' | 'priority' } ? T : 'plain'

type DefinitionsOf<S> = S extends SchemaShape<infer D> ? D : never
/** True for a schema whose patterns the compiler does not know, and for no schema. */
type Untyped<S> = [S] extends [SchemaShape<infer D>] ? (string extends keyof D ? true : false) : true

type PathsOfKind<S, Kind extends PointKind> =
  Untyped<S> extends true
    ? string
    : {
        [K in keyof DefinitionsOf<S> & string]: KindOf<DefinitionsOf<S>[K]> extends Kind ? PathOf<K> : never
      }[keyof DefinitionsOf<S> & string]

/** Every path of a schema: a list for people and editors. A parameter is `${string}` here, which lets slashes through. */
export type PathsOf<S> = PathsOfKind<S, PointKind>
/** Paths of points that are one register. */
export type PlainPath<S> = PathsOfKind<S, 'plain'>
export type CounterPath<S> = PathsOfKind<S, 'counter'>
export type SetPath<S> = PathsOfKind<S, 'set'>
export type PriorityPath<S> = PathsOfKind<S, 'priority'>

/** The pattern that a path belongs to: `never` if none, a union if the path stands for several. */
export type PatternOf<S, P extends string> = P extends unknown ? Best<Matching<keyof DefinitionsOf<S> & string, P>, P> : never

// Patterns travel as [whole pattern, what is left of it].
type Matching<K extends string, P extends string> = K extends unknown ? (Matches<K, P> extends true ? [K, K] : never) : never

type Matches<K extends string, P extends string> = K extends `${infer KHead}/${infer KRest}`
  ? P extends `${infer PHead}/${infer PRest}`
    ? SegmentMatches<KHead, PHead> extends true
      ? Matches<KRest, PRest>
      : false
    : false
  : P extends `${string}/${string}`
    ? false
    : SegmentMatches<K, P>

type SegmentMatches<K extends string, P extends string> = K extends `:${string}`
  ? P extends ''
    ? false
    : true
  : IsTemplate<P> extends true
    ? K extends P
      ? true
      : false
    : P extends K
      ? true
      : false

// `string` and templates with a hole make index signatures, which demand no property.
type IsTemplate<P extends string> = Record<never, 1> extends Record<P, 1> ? true : false

// Keeps the patterns with a literal where the path has one, segment by segment; a hole in the path may be either.
type Best<Pairs extends [string, string], P extends string> = [Pairs] extends [never]
  ? never
  : P extends `${infer Head}/${infer Rest}`
    ? Best<Shorten<Prefer<Pairs, Head>>, Rest>
    : Prefer<Pairs, P>[0]

type Prefer<Pairs extends [string, string], Head extends string> =
  IsTemplate<Head> extends true ? Pairs : [WithLiteral<Pairs, Head>] extends [never] ? Pairs : WithLiteral<Pairs, Head>

type WithLiteral<Pairs extends [string, string], Head extends string> = Pairs extends [string, Head | `${Head}/${string}`]
  ? Pairs
  : never

type Shorten<Pairs extends [string, string]> = Pairs extends [infer K extends string, `${string}/${infer Rest}`]
  ? [K, Rest]
  : never

type DefinitionAt<S, P extends string> =
  PatternOf<S, P> extends infer K ? (K extends keyof DefinitionsOf<S> ? DefinitionsOf<S>[K] : never) : never

// What a path takes if the compiler can't tell its definition: nothing when the schema is strict.
type Otherwise<S> = S extends { readonly strict: true } ? never : Value

type Choose<S, P extends string, Typed> =
  Untyped<S> extends true ? Value : string extends P ? Value : [DefinitionAt<S, P>] extends [never] ? Otherwise<S> : Typed

/** The value that a path reads as; {@link Value} for a path that is known at run time only, `never` for one that is not there. */
export type PointValue<S, P extends string> = Choose<S, P, ValueOf<DefinitionAt<S, P>>>

/** The value that a write of a plain path takes: as {@link PointValue}, but for the input of a validator that converts. */
export type PointInput<S, P extends string> = Choose<S, P, InputOf<DefinitionAt<S, P>>>

/** The elements of a set. */
export type SetElementOf<S, P extends string> =
  Untyped<S> extends true ? string | number : string extends P ? string | number : ElementOf<DefinitionAt<S, P>>

/** The values that the levels of a priority array take. */
export type PriorityValue<S, P extends string> = PointValue<S, P>

/**
 * What a parameter for a path is declared as: `path: PathArgument<S, P, 'counter'>`. It is `P` when the path fits or is known at
 * run time only; otherwise the paths that would fit, so that the compiler's error lists them. (Declared as `P & PathArgument<…>` it
 * does the same, but then a template such as `` `ahu/${unit}/mode` `` counts as any `string`.)
 */
export type PathArgument<S, P extends string, Kind extends PointKind = PointKind> =
  Fits<S, P, Kind> extends true ? P : Misfit<PathsOfKind<S, Kind>, P>

type Fits<S, P extends string, Kind extends PointKind> =
  Untyped<S> extends true
    ? true
    : string extends P
      ? true
      : [DefinitionAt<S, P>] extends [never]
        ? S extends { readonly strict: true }
          ? false
          : true
        : [KindOf<DefinitionAt<S, P>>] extends [Kind]
          ? true
          : false

// A path with a segment too many fits `${string}` all the same: then there is nothing to list.
type Misfit<Paths, P> = P extends Paths ? never : Paths
