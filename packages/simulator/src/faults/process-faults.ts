/** Faults of processes and machines: they are stopped, killed, without power, or the relay is away. */
import type { FaultKind } from './fault.js'
import { hostNames, nodeNames, oneOf, processOf, relayName } from './targets.js'
import type { World } from '../world.js'

interface Struck {
  readonly host: string
  readonly [key: string]: string
}

function startAgain(world: World, { host }: Struck): void {
  processOf(world, host).start()
}

/** kill -9: what the process had given to the operating system stays. At the end it is started again. */
export const kill: FaultKind<Struck> = {
  kind: 'kill',
  draw: (random, world) => ({ host: oneOf(random, hostNames(world)) }),
  begin: (world, { host }) => processOf(world, host).kill(),
  end: startAgain
}

/** A machine loses its power: of what was not fsynced a prefix stays, and nobody is told. At the end it boots. */
export const powerLoss: FaultKind<Struck> = {
  kind: 'power-loss',
  draw: (random, world) => ({ host: oneOf(random, hostNames(world)) }),
  begin: (world, { host }) => processOf(world, host).powerOff(),
  end: startAgain
}

/** SIGSTOP, as a suspended machine or a long pause for garbage: what happens to the process waits, then all of it happens. */
export const nodePause: FaultKind<Struck> = {
  kind: 'node-pause',
  draw: (random, world) => ({ host: oneOf(random, hostNames(world)) }),
  begin: (world, { host }) => processOf(world, host).pause(),
  end: (world, { host }) => processOf(world, host).resume()
}

/** The relay is away: killed, without power, or told to close as for an update. At the end it is started again. */
export const relayOutage: FaultKind<{ readonly how: 'kill' | 'power' | 'close' }> = {
  kind: 'relay-outage',
  draw: random => ({ how: oneOf(random, ['kill', 'power', 'close'] as const) }),
  begin({ relay, hasRelay }, { how }) {
    if (!hasRelay) return
    if (how === 'kill') relay.kill()
    else if (how === 'power') relay.powerOff()
    else relay.close()
  },
  end(world) {
    if (world.hasRelay) startAgain(world, { host: relayName })
  }
}

/** A process is told to end (SIGTERM), does, and is started again at the end. */
export const shutDown: FaultKind<Struck> = {
  kind: 'shut-down',
  draw: (random, world) => ({ host: oneOf(random, nodeNames(world)) }),
  begin: (world, { host }) => processOf(world, host).close(),
  end: startAgain
}
