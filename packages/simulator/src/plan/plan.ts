/**
 * A plan: all that happens in one run, written out as JSON. A seed makes a plan, and a run is a function of its plan alone; so a plan
 * that was saved replays after the generator has changed, and a shrinker leaves parts of it out.
 */
import type { LinkQuality } from '../simulated-network.js'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

export const planVersion = 1

export interface Plan {
  readonly version: typeof planVersion
  /** The scenario's name: it knows what the kinds mean and what is checked. */
  readonly scenario: string
  /** Of the keys and random streams of nodes and links; operations and faults stand here as drawn. */
  readonly seed: number
  readonly world: PlannedWorld
  /** By time. */
  readonly operations: readonly PlannedOperation[]
  /** By time. */
  readonly faults: readonly PlannedFault[]
  /** Then whatever is broken is healed, and the run waits for convergence. */
  readonly untilMs: number
}

/** What there is: also what a fault may choose from. */
export interface PlannedWorld {
  /** True time at the start, in wall milliseconds. */
  readonly epochMs: number
  readonly sites: readonly PlannedSite[]
  readonly relay: boolean
}

export interface PlannedSite {
  readonly id: string
  readonly nodes: readonly string[]
  /** Between its nodes. */
  readonly lan: LinkQuality
  /** Between each of its nodes and the relay. */
  readonly trunk: LinkQuality
}

export interface PlannedOperation {
  /** Unique in the plan, and the same after others were left out. */
  readonly id: string
  readonly atMs: number
  /** The node where it is done; it is left out if that node is down. */
  readonly by: string
  /** The client who does it, if it is one that roams between nodes. */
  readonly client?: string
  readonly kind: string
  readonly args: Json
  /** Operations without which it means nothing. */
  readonly needs?: readonly string[]
}

export interface PlannedFault {
  /** Unique in the plan, and the same after others were left out. */
  readonly id: string
  readonly atMs: number
  /** 0: it has no end of its own, as a kill. */
  readonly forMs: number
  readonly kind: string
  readonly args: Json
}
