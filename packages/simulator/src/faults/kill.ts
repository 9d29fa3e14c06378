import { below } from '@selvedge/core'
import type { World } from '../world.js'
import type { FaultKind } from './fault.js'

/** kill -9 of a process; at the end it is started again. */
export const kill: FaultKind<{ readonly host: string }> = {
  kind: 'kill',
  draw: (random, { sites, relay }) => {
    const hosts = [...sites.flatMap(({ nodes }) => nodes), ...(relay ? ['relay'] : [])]
    return { host: hosts[below(random, hosts.length)]! }
  },
  begin: (world, { host }) => processOf(world, host)?.kill(),
  end: (world, { host }) => {
    const process = processOf(world, host)
    if (process && !process.isRunning) process.start()
  }
}

function processOf(world: World, host: string) {
  return world.processes.find(({ name }) => name === host)
}
