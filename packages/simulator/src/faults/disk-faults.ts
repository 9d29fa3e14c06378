/** Faults of disks: full, slow, failing, and damaged while nobody looks. */
import { usualSpeed } from '../disk/simulated-disk.js'
import type { FaultKind } from './fault.js'
import { hostNames, nodeNames, oneOf, processOf, spread } from './targets.js'

/** There is room for so many bytes and no more. At the end there is room again. */
export const diskFull: FaultKind<{ readonly host: string; readonly roomBytes: number }> = {
  kind: 'disk-full',
  draw: (random, world) => ({
    host: oneOf(random, hostNames(world)),
    roomBytes: random.float() < 0.5 ? 0 : spread(random, 100, 100_000)
  }),
  begin: (world, { host, roomBytes }) => void (processOf(world, host).disk.roomBytes = roomBytes),
  end: (world, { host }) => void (processOf(world, host).disk.roomBytes = Number.POSITIVE_INFINITY)
}

/** Each fsync takes long; with `stalled`, none ends before the fault does. */
export const diskSlow: FaultKind<{ readonly host: string; readonly syncMs: number; readonly stalled: boolean }> = {
  kind: 'disk-slow',
  draw: (random, world) => ({
    host: oneOf(random, hostNames(world)),
    syncMs: spread(random, 20, 5_000),
    stalled: random.float() < 0.2
  }),
  begin(world, { host, syncMs, stalled }) {
    const { disk } = processOf(world, host)
    disk.speed = { ...usualSpeed, syncMs: [syncMs / 2, syncMs] }
    if (stalled) disk.stall()
  },
  end(world, { host }) {
    const { disk } = processOf(world, host)
    disk.speed = usualSpeed
    disk.resume()
  }
}

/** Writes, reads or both fail, as with a bad cable. At the end they succeed again. */
export const diskFails: FaultKind<{ readonly host: string; readonly trouble: 'writes' | 'reads' | 'everything' }> = {
  kind: 'disk-fails',
  draw: (random, world) => ({
    host: oneOf(random, hostNames(world)),
    trouble: oneOf(random, ['writes', 'reads', 'everything'] as const)
  }),
  begin: (world, { host, trouble }) => void (processOf(world, host).disk.trouble = trouble),
  end: (world, { host }) => void (processOf(world, host).disk.trouble = undefined)
}

const damages = ['records', 'missing', 'stale', 'tail', 'unopenable', 'watermark'] as const

/** A machine is off, and finds at its start that its files are not what it wrote. */
export const diskCorrupt: FaultKind<{
  readonly host: string
  readonly damage: (typeof damages)[number]
  readonly count: number
}> = {
  kind: 'disk-corrupt',
  draw: (random, world) => ({
    host: oneOf(random, nodeNames(world)),
    damage: oneOf(random, damages),
    count: spread(random, 1, 20)
  }),
  begin(world, { host, damage, count }) {
    const process = processOf(world, host)
    process.powerOff()
    process.disk.damage(damage, count)
  },
  end(world, { host }) {
    const process = processOf(world, host)
    if (!process.isRunning) process.start()
  }
}
