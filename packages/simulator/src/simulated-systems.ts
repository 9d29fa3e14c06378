/** What a real site and a real relay take from outside, simulated: clocks, randomness, disk, mesh and trunk. */
import { SelvedgeError, silentLogger, type Connection, type NodeId, type SiteId } from '@selvedge/core'
import { AdmissionRamp, networkErrors, type NodeKey, type Roster, type TrunkDialOptions } from '@selvedge/network'
import type { ListenOptions, RelayListener, RelaySystem } from '@selvedge/relay'
import type { SiteSystem } from '@selvedge/site'
import { LevelStore } from '@selvedge/store'
import type { Random } from '@selvedge/core'
import type { SimulatedDisk } from './disk/simulated-disk.js'
import { SimulatedLevelSource } from './disk/simulated-level-source.js'
import type { SimulatedClock } from './simulated-clock.js'
import { SimulatedMesh } from './simulated-mesh.js'
import type { SimulatedHost } from './simulated-network.js'

/** What one simulated process stands on. */
export interface Machine {
  readonly host: SimulatedHost
  readonly key: NodeKey
  readonly clock: SimulatedClock
  readonly random: Random
  readonly disk: SimulatedDisk
  /** Of the disk when the process was started. */
  readonly diskEpoch: number
  readonly hostOf: (node: NodeId) => string
}

export function siteSystem(machine: Machine): SiteSystem {
  const { clock, random, key, disk, diskEpoch, host } = machine
  return {
    clock,
    random,
    defaultLog: () => silentLogger,
    loadKey: () => key,
    loadRoster: () => unreachable('a roster file'),
    openStore: (_, environment) => LevelStore.open({ ...environment, source: new SimulatedLevelSource(disk, diskEpoch) }),
    openMesh: options => Promise.resolve(new SimulatedMesh(options, host, node => machine.hostOf(node))),
    dialTrunk: options => dialTrunk(machine, options),
    serveControl: () => unreachable('a control socket')
  }
}

async function dialTrunk(machine: Machine, options: TrunkDialOptions): Promise<Connection> {
  const { host } = machine
  const { roster, key, clock, signal } = options
  const { relay, site } = roster
  if (!relay) throw new SelvedgeError(networkErrors.trunkNoRelay, `the roster of site ${site} names no relay`)
  const dialled = host.connect(machine.hostOf(relay.node), 'trunk', { node: key.node, site })
  const givenUp = new Promise<never>((_, reject) => {
    const giveUp = (code: string, message: string): void => reject(new SelvedgeError(code, message))
    const timer = clock.setTimer(options.timeoutMs ?? 10_000, () => giveUp(networkErrors.trunkTimeout, 'no answer came'))
    const aborted = (): void => giveUp(networkErrors.trunkAborted, 'the dial was given up')
    signal?.addEventListener('abort', aborted, { once: true })
    const settled = (): void => {
      timer.cancel()
      signal?.removeEventListener('abort', aborted)
    }
    dialled.then(settled, settled)
  })
  givenUp.catch(() => undefined)
  dialled.then(
    ({ connection }) => void (signal?.aborted && connection.close()),
    () => undefined
  )
  try {
    const { connection, node } = await Promise.race([dialled, givenUp])
    if (node !== relay.node) throw new SelvedgeError(networkErrors.trunkRefusedRelay, 'another relay answers')
    connection.remote = { node, role: 'relay', name: relay.name, address: machine.hostOf(node) }
    connection.open(clock, () => undefined)
    return connection
  } catch (error) {
    if (error instanceof SelvedgeError && error.code.startsWith('TRUNK_')) throw error
    throw new SelvedgeError(networkErrors.trunkUnreachable, 'the relay can not be reached', { cause: error })
  }
}

export function relaySystem(machine: Machine, rosters: ReadonlyMap<SiteId, Roster>): RelaySystem {
  const { clock, random, key, disk, diskEpoch } = machine
  return {
    clock,
    random,
    defaultLog: () => silentLogger,
    loadKey: () => key,
    loadRosters: () => rosters,
    openStore: (_, environment) => LevelStore.open({ ...environment, source: new SimulatedLevelSource(disk, diskEpoch) }),
    listen: options => Promise.resolve(listen(machine, options)),
    processMetrics: () => Promise.resolve(''),
    serveControl: () => unreachable('a control socket')
  }
}

function listen({ host, key, clock }: Machine, { trunks }: ListenOptions): RelayListener {
  if (trunks) {
    const ramp = new AdmissionRamp(trunks.admission ?? {}, clock.monotonicMs())
    host.services.set('trunk', ({ node, site }, connection) => {
      const roster = trunks.rosters(site)
      if (!roster) throw new SelvedgeError(networkErrors.trunkRefusedSite, `site ${site} is not known here`)
      if (!roster.admits(node)) throw new SelvedgeError(networkErrors.trunkRefusedNode, 'the node is not of that site')
      const admission = ramp.take(clock.monotonicMs())
      if (!admission.admitted)
        throw new SelvedgeError(networkErrors.trunkRefusedBusy, 'too many trunks at once', {
          details: { retryAfterMs: admission.retryAfterMs }
        })
      connection.remote = { node, site, role: 'node', name: roster.nameOf(node), address: connection.peerHost }
      connection.open(clock, () => undefined)
      trunks.onConnection(connection)
      return key.node
    })
  }
  return {
    host: host.name,
    port: 1,
    secure: true,
    close: () => {
      host.services.delete('trunk')
      return Promise.resolve()
    }
  }
}

function unreachable(what: string): never {
  throw new Error(`a simulation has no ${what}`)
}
