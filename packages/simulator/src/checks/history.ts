/**
 * What was asked and what was answered in a run, in order and with times: the evidence that checks judge by. Whoever does something to a
 * world notes it here; plain writes and their receipts need no note, as the observer sees them in the tables.
 */
import type { SpaceId } from '@selvedge/core'
import type { Dot } from '@selvedge/documents'
import type { DurabilityLevel } from '@selvedge/replica'
import type { PlannedOperation } from '../plan/plan.js'

export interface Done {
  readonly operation: PlannedOperation
  readonly atMs: number
}

interface Noted {
  /** True time since the start. */
  readonly atMs: number
  /** The machine where it was done. */
  readonly host: string
}

/** What an increment was asked for, and the write that it became. */
export interface Incremented extends Noted {
  readonly space: SpaceId
  readonly path: string
  readonly by: number
  /** Counts once, whoever applies it. */
  readonly id?: string | undefined
  readonly dot: Dot
}

/** What a write was asked to be: for a time, or for good. */
export interface Written extends Noted {
  readonly space: SpaceId
  readonly path: string
  readonly dot: Dot
  readonly expires: boolean
}

/** A client read a register through the public interface. */
export interface ReadDone extends Noted {
  readonly space: SpaceId
  readonly path: string
  readonly slot: string
  /** Who reads: one that roams has its own guarantees. */
  readonly client?: string | undefined
  /** The writer's name and the time of what was read; undefined: nothing was there. */
  readonly found: { readonly writer: string; readonly atMs: number; readonly value: unknown } | undefined
}

/** An edit of a document: it puts in a text that occurs nowhere else, or takes such texts out. */
export interface Edited extends Noted {
  readonly space: SpaceId
  readonly document: string
  readonly engine: 'yjs' | 'automerge'
  /** What it put in. */
  readonly adds?: string | undefined
  /** What it took out: whoever has this edit may lack them. */
  readonly removes?: readonly string[] | undefined
}

export interface EditAcknowledged extends Noted {
  readonly edit: Edited
  readonly level: DurabilityLevel
  /** The edit as its replica counts it, or a later one that was stored with it. */
  readonly dot?: { readonly writer: string; readonly count: number } | undefined
}

/**
 * What became of a machine's disk, beside what a crash does to it: promises that rest on it alone are void from then on. `restored`: it
 * is as it was at an earlier time, `sinceMs`.
 */
export interface DiskHarmed extends Noted {
  readonly harm: 'corrupted' | 'replaced' | 'restored' | 'cloned'
  readonly sinceMs?: number | undefined
}

/** Something else that a check must know of. */
export interface Struck extends Noted {
  readonly kind: string
  readonly ended: boolean
}

export interface Notes {
  readonly incremented: Incremented
  readonly written: Written
  readonly read: ReadDone
  readonly edited: Edited
  readonly editAcknowledged: EditAcknowledged
  readonly diskHarmed: DiskHarmed
  readonly struck: Struck
}

type Listeners = { [K in keyof Notes]: ((note: Notes[K]) => void)[] }

export class History {
  readonly done: Done[] = []
  private readonly kept: { [K in keyof Notes]: Notes[K][] } = {
    incremented: [],
    written: [],
    read: [],
    edited: [],
    editAcknowledged: [],
    diskHarmed: [],
    struck: []
  }
  private readonly listeners: Listeners = {
    incremented: [],
    written: [],
    read: [],
    edited: [],
    editAcknowledged: [],
    diskHarmed: [],
    struck: []
  }

  /** An operation was done at its node. */
  note(operation: PlannedOperation, atMs: number): void {
    this.done.push({ operation, atMs })
  }

  add<K extends keyof Notes>(kind: K, note: Notes[K]): void {
    // Reads and writes are judged when they are made: a long run makes too many to keep.
    if (kind !== 'read' && kind !== 'written') this.kept[kind].push(note)
    for (const listener of this.listeners[kind]) listener(note)
  }

  /** Calls `listener` for each note of a kind from now on. */
  on<K extends keyof Notes>(kind: K, listener: (note: Notes[K]) => void): void {
    this.listeners[kind].push(listener)
  }

  /** All notes of a kind, in order; of reads and writes none are kept. */
  all<K extends Exclude<keyof Notes, 'read' | 'written'>>(kind: K): readonly Notes[K][] {
    return this.kept[kind]
  }
}
