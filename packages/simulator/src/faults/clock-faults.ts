/** Faults of clocks. A clock that was set wrong stays wrong until it is set right at the end, as a time service does. */
import type { FaultKind } from './fault.js'
import { hostNames, oneOf, processOf, spread } from './targets.js'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** The wall clock is off from now on. It is set right at the end. */
export const clockSkew: FaultKind<{ readonly host: string; readonly byMs: number }> = {
  kind: 'clock-skew',
  draw: (random, world) => ({
    host: oneOf(random, hostNames(world)),
    // Within what is obeyed, and beyond.
    byMs: (random.float() < 0.5 ? -1 : 1) * spread(random, 50, random.float() < 0.5 ? 4 * 60_000 : dayMs)
  }),
  begin: (world, { host, byMs }) => processOf(world, host).time.jump(byMs),
  end: (world, { host }) => setRight(processOf(world, host).time)
}

/** The wall clock jumps to a time far off: 1970, more than a year ahead, or two hours back. It is set right at the end. */
export const clockJump: FaultKind<{ readonly host: string; readonly to: 'epoch' | 'far' | 'back' }> = {
  kind: 'clock-jump',
  draw: (random, world) => ({ host: oneOf(random, hostNames(world)), to: oneOf(random, ['epoch', 'far', 'back'] as const) }),
  begin: (world, { host, to }) => {
    const { time } = processOf(world, host)
    if (to === 'epoch') time.jump(-time.wallMs())
    else time.jump(to === 'far' ? 400 * dayMs : -2 * hourMs)
  },
  end: (world, { host }) => setRight(processOf(world, host).time)
}

/** Both clocks of a machine go too fast or too slow. At the end they go right, and the wall clock is set. */
export const clockDrift: FaultKind<{ readonly host: string; readonly ppm: number }> = {
  kind: 'clock-drift',
  draw: (random, world) => ({
    host: oneOf(random, hostNames(world)),
    ppm: (random.float() < 0.5 ? -1 : 1) * spread(random, 10, 100_000)
  }),
  begin: (world, { host, ppm }) => processOf(world, host).time.setDrift(ppm),
  end: (world, { host }) => {
    const { time } = processOf(world, host)
    time.setDrift(0)
    setRight(time)
  }
}

function setRight(time: { readonly errorMs: number; jump(byMs: number): void }): void {
  time.jump(-time.errorMs)
}
