/** The checks that every run has, in the order in which they are told. */
import { AcknowledgedWrites } from './acknowledged-writes.js'
import { BoundedGrowth } from './bounded-growth.js'
import type { Check } from './check.js'
import { ConflictsRecorded } from './conflicts-recorded.js'
import { Convergence } from './convergence.js'
import { DocumentsEqual } from './documents-equal.js'
import { DotsAndCoverage } from './dots-and-coverage.js'
import { NoResurrection } from './no-resurrection.js'
import { ReferenceModel } from './reference-model.js'
import { Residency } from './residency.js'
import { SessionGuarantees } from './session-guarantees.js'
import { StrongEventualConsistency } from './strong-eventual-consistency.js'

export function usualChecks(): Check[] {
  return [
    new StrongEventualConsistency(),
    new AcknowledgedWrites(),
    new DotsAndCoverage(),
    new NoResurrection(),
    new SessionGuarantees(),
    new ReferenceModel(),
    new DocumentsEqual(),
    new Convergence(),
    new BoundedGrowth(),
    new Residency(),
    new ConflictsRecorded()
  ]
}

/** By which verdicts and `without` name them. */
export function checkNames(): string[] {
  return usualChecks().map(({ name }) => name)
}
