/**
 * What mutants are run in: a family of small scenarios, taken in turn by the number of the seed. Each has few nodes, few addresses, and
 * of all faults those of one theme, so that within some seconds of simulated time they strike again and again where it hurts. What
 * takes days in a building takes seconds here: clocks may be off by a second or two, deletes are collected at once, logs are rewritten
 * when they have a few records.
 */
import type { LogTuning, ReplicaTiming } from '@selvedge/replica'
import fc from 'fast-check'
import { clockJump } from '../faults/clock-faults.js'
import { clone, relayRollback, restoreOldCopy } from '../faults/data-faults.js'
import { diskCorrupt, diskFails, diskFull } from '../faults/disk-faults.js'
import type { FaultKind } from '../faults/fault.js'
import { badLink, clog, flap, halfOpen, oneWay, partition, slowPeer, trunkCut } from '../faults/network-faults.js'
import { membership, nodeReplace } from '../faults/membership-faults.js'
import { kill, nodePause, powerLoss, relayOutage, shutDown } from '../faults/process-faults.js'
import * as operations from '../operations/index.js'
import { scenario, type AnyScenario, type Scenario } from '../plan/scenario.js'
import { mutationScenario } from './mutation-scenario.js'
import { blackout, clockOff, cutUnderWay, diskLags, diskRots } from './theme-faults.js'
import { askLater, brief, longText, lowLevel, noteStart, sample, shortText, takeOver } from './theme-operations.js'
import { behindAgain, glimpse, shifts, talkedOf, thinReturn } from './theme-returns.js'

const { addElement, batch, editConfig, editDocument, increment, read, remove, removeElement, set, writePriority } = operations

/** Upkeep that takes days in a building. */
const quick: Partial<ReplicaTiming> = {
  meshCalmKeepaliveMs: 800,
  maxClockSkewMs: 2_000,
  gcIntervalMs: 700,
  gcHorizonMs: 6_000,
  deletesKeptMs: 0,
  closeIncarnationsAfterMs: 4_000,
  compareIntervalMs: 2_000
}

const smallLog: LogTuning = { recordBytes: 300, batchBytes: 900, slackBytes: 1_200, rewriteBytes: 600 }

/** No comparison in a run mends what comes of a bug. */
const uncomparedMs = 600_000

const points = 3

const kinds = (...all: readonly unknown[]): readonly FaultKind[] => all as readonly FaultKind[]

function theme(
  name: string,
  nodes: number,
  options: { timing?: Partial<ReplicaTiming>; logTuning?: LogTuning } = {}
): Scenario<'a'> {
  const chosen = { timing: { ...quick, ...options.timing }, ...(options.logTuning ? { logTuning: options.logTuning } : {}) }
  return scenario(`mutants: ${name}`).site('a', { nodes }).siteOptions(chosen).relayOptions(chosen).lasts('16s')
}

export const crashes = theme('crashes', 3)
  .workload(
    { every: '60ms' },
    set({ points, weight: 4 }),
    remove({ points }),
    batch({ points, weight: 2 }),
    increment({ points: 1, weight: 2 }),
    addElement({ points: 1 }),
    removeElement({ points: 1 }),
    lowLevel,
    read({ points, weight: 2 }),
    askLater
  )
  .swarm({ kinds: kinds(powerLoss, blackout, cutUnderWay, kill, diskFull, diskFails), every: '500ms', upTo: '3s' })

// Deletes stay, to be rewritten.
export const logs = theme('logs', 2, { logTuning: smallLog, timing: { gcIntervalMs: 60_000 } })
  .withoutRelay()
  .lasts('20s')
  .workload({ every: '15ms', on: ['a-1'] }, set({ points: 4 }))
  .workload({ every: '120ms', on: ['a-1'] }, set({ points: 30 }), remove({ points: 30, weight: 2 }))
  .workload({ every: '300ms', on: ['a-2'] }, set({ points: 30, weight: 3 }), increment({ points: 1 }))
  .swarm({ kinds: kinds(powerLoss, kill, shutDown, cutUnderWay, partition, halfOpen), every: '900ms', upTo: '6s' })

export const harm = theme('harm', 3)
  .workload({ every: '80ms' }, set({ points, weight: 4 }), remove({ points }), increment({ points: 1 }), read({ points }))
  .swarm({
    kinds: kinds(diskCorrupt, diskRots, restoreOldCopy, relayRollback, clone, powerLoss, partition),
    every: '900ms',
    upTo: '3s'
  })

export const clocks = theme('clocks', 3)
  .workload({ every: '60ms' }, set({ points, weight: 4 }), remove({ points }), sample, increment({ points: 1 }), read({ points }))
  .swarm({ kinds: kinds(clockOff, clockJump, powerLoss, partition), every: '900ms', upTo: '4s' })

export const shadows = theme('shadows', 2)
  .withoutRelay()
  .workload({ every: '70ms' }, set({ points, weight: 4 }), remove({ points }), sample, takeOver, brief, read({ points }))
  // Where nothing else is written, what is held back is there when its time has come.
  .workload({ every: '150ms' }, set({ points: 60 }))
  .swarm({ kinds: kinds(clockOff, behindAgain, powerLoss, partition, kill), every: '1200ms', upTo: '4s' })
  .faults(({ at }) => [at('5s').do(clockOff, { host: 'a-1', byMs: 3_200 }).for('2500ms')])

export const deletes = theme('deletes', 3, { timing: { gcHorizonMs: 2_500, closeIncarnationsAfterMs: 1_500 } })
  .workload(
    { every: '80ms' },
    set({ points, weight: 4 }),
    remove({ points, weight: 3 }),
    batch({ points, weight: 2 }),
    addElement({ points: 1 }),
    removeElement({ points: 1 }),
    writePriority({ points: 1 }),
    takeOver,
    brief
  )
  .swarm({ kinds: kinds(partition, powerLoss, trunkCut, oneWay, slowPeer, clog, kill), every: '900ms', upTo: '7s' })

/** Everybody is late at some time: deletes are dropped before all have had them. No comparison mends what comes of it. */
export const late = theme('late', 3, {
  timing: { gcIntervalMs: 300, gcHorizonMs: 2_000, closeIncarnationsAfterMs: 1_000, compareIntervalMs: uncomparedMs }
})
  .withoutRelay()
  .lasts('21s')
  .workload(
    { every: '90ms' },
    // Of many points some are left alone while their deletes are dropped.
    set({ points: 40, weight: 3 }),
    remove({ points: 40, weight: 2 }),
    addElement({ points: 1 }),
    removeElement({ points: 1 })
  )
  .swarm({ kinds: kinds(partition, powerLoss), every: '2500ms', upTo: '6s' })
  .faults(({ at }) => [
    at('7s').do(shifts, { first: 'a-1', heir: 'a-2', last: 'a-3', eachMs: 1_000 }).for('5500ms'),
    at('14s').do(glimpse, { host: 'a-3', bytesPerSecond: 1_000, againMs: 500 }).for('6s')
  ])

/** A link that hardly stands: merge after merge. */
export const flapping = theme('flapping', 2)
  .withoutRelay()
  .lasts('3m')
  .workload({ every: '400ms' }, set({ points, weight: 3 }), remove({ points }), increment({ points: 1 }))
  .faults(({ at }) => [at('5s').do(flap, { a: 'a-1', b: 'a-2', downMs: 60, upMs: 250, how: 'closed' }).for('175s')])

/** A cloud that is away from a building for minutes, and nodes that are gone for good. */
export const outage = theme('outage', 2)
  .site('b', { nodes: 1 })
  .lasts('5m')
  .workload({ every: '3s' }, set({ points, weight: 3 }), remove({ points }), increment({ points: 1 }))
  .workload({ every: '2s', on: ['a'] }, shortText)
  .swarm({ kinds: kinds(nodeReplace, membership), every: '40s', upTo: '20s' })
  .faults(({ at }) => [
    at('10s').cutTrunk('b').for('5m'),
    // One after the other: whoever holds the trunk is away for longer than it takes to notice.
    at('100s').do(powerLoss, { host: 'a-1' }).for('20s'),
    at('150s').do(powerLoss, { host: 'a-2' }).for('20s')
  ])

/** Sessions end before anybody in them counts as late, as they do in a building. */
const answering: Partial<ReplicaTiming> = {
  ...quick,
  gcHorizonMs: 2_000,
  trunkKeepaliveMs: 400,
  trunkTimeoutMs: 1_200,
  compareIntervalMs: uncomparedMs
}

/** The nodes drop their deletes soon, and the relay keeps its: who comes back late is answered by the relay alone. */
export const answered = theme('answered', 2, { timing: { ...answering, gcIntervalMs: 300, closeIncarnationsAfterMs: 1_000 } })
  .relayOptions({ timing: { ...answering, deletesKeptMs: 600_000 } })
  .lasts('24s')
  .workload({ every: '150ms' }, set({ points: 20 }), remove({ points: 20 }))
  .faults(({ at }) => [
    at('3s').partition(['a-2'], ['a-1', 'relay']).for('6s'),
    at('13s').partition(['a-1'], ['a-2', 'relay']).for('6s')
  ])

/** Nobody is late, and incarnations are closed soon: while what was written in them is still on its way. */
export const restarts = theme('restarts', 3, {
  timing: { gcHorizonMs: 60_000, closeIncarnationsAfterMs: 800, gcIntervalMs: 150, meshCalmKeepaliveMs: 1_600 }
})
  .withoutRelay()
  .lasts('25s')
  .workload(
    { every: '120ms' },
    set({ points: 8, weight: 4 }),
    remove({ points: 8 }),
    increment({ points: 2 }),
    batch({ points: 8 })
  )
  // One writes what another deletes.
  .workload({ every: '250ms', on: ['a-2'] }, set({ points: 8 }))
  .workload({ every: '300ms', on: ['a-3'] }, remove({ points: 8 }))
  .swarm({ kinds: kinds(kill, powerLoss, partition, slowPeer), every: '1200ms', upTo: '5s' })
  .faults(({ at }) => [
    at('6s').do(thinReturn, { host: 'a-1', restarted: 'a-2', bytesPerSecond: 1_000 }).for('4s'),
    at('11s').do(thinReturn, { host: 'a-2', restarted: 'a-3', bytesPerSecond: 2_000 }).for('4s'),
    at('15500ms').do(talkedOf, { host: 'a-1', of: 'a-2', by: 'a-3', latencyMs: 1_200 }).for('9s')
  ])

/** Catch-ups of many frames, on links that are too slow for them. */
export const bulk = theme('bulk', 2)
  .workload({ every: '50ms' }, longText)
  .workload({ every: '20ms' }, set({ points: 6, weight: 3 }), remove({ points: 6 }))
  .swarm({ kinds: kinds(partition, clog, badLink, slowPeer, flap, nodePause), every: '500ms', upTo: '3s' })

export const documents = theme('documents', 3)
  .service('start', noteStart)
  .workload({ every: '80ms' }, editDocument({ documents: 2, weight: 4 }), editConfig({ documents: 1 }), set({ points }))
  .swarm({
    kinds: kinds(powerLoss, kill, partition, cutUnderWay, diskLags, diskFull, shutDown, restoreOldCopy, flap),
    every: '700ms',
    upTo: '3s'
  })

export const links = theme('links', 3)
  .workload(
    { every: '60ms' },
    set({ points, weight: 4 }),
    set({ points: 2, space: 'local', value: fc.string({ minLength: 12, maxLength: 40 }) }),
    remove({ points }),
    batch({ points, weight: 2 }),
    increment({ points: 1 }),
    read({ points, weight: 2 })
  )
  .swarm({
    kinds: kinds(partition, oneWay, clog, badLink, slowPeer, halfOpen, flap, trunkCut, relayOutage, nodePause, shutDown),
    every: '500ms',
    upTo: '4s'
  })

/** A seed's scenario is told by its number: all themes in turn. */
export const mutationThemes: readonly AnyScenario[] = [
  crashes,
  logs,
  harm,
  clocks,
  shadows,
  deletes,
  late,
  answered,
  restarts,
  flapping,
  bulk,
  outage,
  documents,
  links,
  mutationScenario
]

export function themeOf(seed: number): AnyScenario {
  return mutationThemes[seed % mutationThemes.length]!
}
