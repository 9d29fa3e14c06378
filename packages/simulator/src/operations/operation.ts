/** Something that a user of a site does. Its kind is named in plans, its arguments are drawn by a fast-check arbitrary. */
import type { Arbitrary } from 'fast-check'
import type { Json, PlannedOperation } from '../plan/plan.js'
import type { SceneNode } from '../plan/scene.js'
import type { Run } from '../run.js'

/** Where an operation is done: a node that is up. */
export interface Place<Services = unknown, Moment extends string = never> extends SceneNode<Services> {
  /** Who does it, if it is a client that roams between nodes. */
  readonly client: string | undefined
  readonly operation: PlannedOperation
  readonly run: Run
  /** A state named by `sometimes` was reached. */
  readonly reached: (moment: Moment) => void
}

export interface OperationKind<A extends Json = Json, Services = unknown, Moment extends string = never> {
  /** Stable: plans name it. */
  readonly kind: string
  readonly arbitrary: Arbitrary<A>
  /** Of equal weights each kind is as likely. Default 1. */
  readonly weight?: number
  /** The kind of an earlier operation without which this one means nothing: the latest of it is kept when a failure is shrunk. */
  readonly needs?: string
  run(place: Place<Services, Moment>, args: A): unknown
  /** How a story tells it. Default: the kind and its arguments. */
  describe?(args: A): string
}

/** An operation whatever its arguments are. */
export interface AnyOperation<Services = unknown, Moment extends string = never> extends Omit<
  OperationKind<never, Services, Moment>,
  'arbitrary'
> {
  readonly arbitrary: Arbitrary<Json>
}
