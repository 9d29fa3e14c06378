/** Faults that only the mutants' scenarios have: the usual kinds, as hard as a short run needs them. */
import { below } from '@selvedge/core'
import { clockSkew } from '../faults/clock-faults.js'
import type { FaultKind } from '../faults/fault.js'
import { diskCorrupt, diskSlow } from '../faults/disk-faults.js'
import { powerLoss } from '../faults/process-faults.js'
import { nodeNames, oneOf, processOf, spread } from '../faults/targets.js'

/** A clock that is off by some seconds: the skew of a theme's nodes is about as much. */
export const clockOff: typeof clockSkew = {
  ...clockSkew,
  kind: 'clock-off',
  draw: (random, world) => ({
    host: oneOf(random, nodeNames(world)),
    byMs: (random.float() < 0.3 ? -1 : 1) * spread(random, 1_000, 12_000)
  })
}

/** Each fsync takes a good part of a second, so that a power cut finds it under way. */
export const diskLags: typeof diskSlow = {
  ...diskSlow,
  kind: 'disk-lags',
  draw: (random, world) => ({ host: oneOf(random, nodeNames(world)), syncMs: spread(random, 100, 1_500), stalled: false })
}

/** A disk that lags until its machine loses the power: what was under way then is stored, or is not. */
export const cutUnderWay: typeof diskSlow = {
  ...diskLags,
  kind: 'cut-under-way',
  end: (world, args) => {
    const process = processOf(world, args.host)
    process.powerOff()
    diskSlow.end(world, args)
    process.start()
  }
}

/** Records are gone or of earlier, and nothing else tells. */
export const diskRots: typeof diskCorrupt = {
  ...diskCorrupt,
  kind: 'disk-rots',
  draw: (random, world) => ({
    host: oneOf(random, nodeNames(world)),
    damage: oneOf(random, ['missing', 'stale', 'tail'] as const),
    count: spread(random, 3, 30)
  })
}

/** Of a site all machines lose their power in one moment. */
export const blackout: FaultKind<{ readonly hosts: readonly string[] }> = {
  kind: 'blackout',
  draw: (random, { sites }) => {
    const { nodes } = oneOf(random, sites)
    const spared = below(random, nodes.length + 1)
    return { hosts: nodes.filter((_, i) => i !== spared) }
  },
  begin: (world, { hosts }) => hosts.forEach(host => processOf(world, host).powerOff()),
  end: (world, { hosts }) => hosts.forEach(host => powerLoss.end(world, { host }))
}
