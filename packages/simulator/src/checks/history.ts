/** What was asked and what was answered in a run, in order and with times: the evidence that checks judge by. */
import type { PlannedOperation } from '../plan/plan.js'

export interface Done {
  readonly operation: PlannedOperation
  readonly atMs: number
}

export class History {
  readonly done: Done[] = []

  /** An operation was done at its node. */
  note(operation: PlannedOperation, atMs: number): void {
    this.done.push({ operation, atMs })
  }
}
