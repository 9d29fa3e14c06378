/** What `openSite` takes, checked and with its defaults filled in. */
import {
  SelvedgeError,
  siteId,
  spaceId,
  type Connection,
  type Environment,
  type Logger,
  type NodeId,
  type SiteId,
  type SpaceId,
  type Store
} from '@selvedge/core'
import type { AnyPointSchema } from '@selvedge/documents'
import type { Mesh, MeshOptions, NodeKey, Roster, TrunkDialOptions, TrunkElectionOptions } from '@selvedge/network'
import type { LogTuning, ReplicaTiming, Residency } from '@selvedge/replica'
import { siteErrors } from './errors.js'

export interface MeshChoice {
  /** Multiaddrs to listen on. Default `/ip4/0.0.0.0/tcp/0`: any free port. */
  readonly listen?: readonly string[]
  /** Multiaddrs of nodes to keep connected to. Default none. */
  readonly peers?: readonly string[]
  /** Find nodes of the roster on the local network. Default true. */
  readonly mdns?: boolean
}

export interface TrunkChoice {
  /** `wss://relay.example/trunk`. */
  readonly url: string
  /** `http://[user:password@]host:port`: an HTTP proxy that knows CONNECT. */
  readonly proxy?: string
  /** PEM of a private authority that signed the relay's certificate. */
  readonly ca?: string | Buffer
}

export interface SpaceChoice {
  /** `trunk`: replicated to the relay too. `site`: its bytes, and all that derives from them, stay in the building. */
  readonly residency: Residency
}

export interface SiteOptions<S extends AnyPointSchema = AnyPointSchema> {
  /** The site's id, such as `hq`: as in its roster. */
  readonly site: string
  /** Where the node keeps its key, its store and its control socket; made if it is not there. `memory`: keep nothing. */
  readonly dataDir: string
  /** The site's roster: a path, or one already read. */
  readonly roster: string | Roster
  /** Definitions of the points of the `state` space: see `definePoints`. Without them any path and value is taken. */
  readonly points?: S
  /** Default: listen on any port and find nodes by mDNS. `false`: no mesh. */
  readonly mesh?: MeshChoice | false
  /** Default `false`: a site without a cloud. */
  readonly trunk?: TrunkChoice | false
  /** Spaces by their short name. Default: `state` and `config` (trunk), `local` (site). */
  readonly spaces?: Readonly<Record<string, SpaceChoice>>
  /**
   * A node that has no data and meets no peer is not ready to act, unless it is told that it may be alone: then it is, this many
   * milliseconds after it was opened. Default: never.
   */
  readonly bootAloneAfterMs?: number
  /** Serve the control socket in `dataDir` that the `selvedge` command talks to. Default true, unless `dataDir` is `memory`. */
  readonly control?: boolean
  /** Structured logs in pino's shape. Default: warnings and errors on standard error. */
  readonly log?: Logger
  readonly timing?: Partial<ReplicaTiming>
  /** How what is stored is cut into records and rewritten: smaller where flash is small. See {@link LogTuning}. */
  readonly logTuning?: Partial<LogTuning>
  readonly election?: Omit<TrunkElectionOptions, 'self' | 'random'>
  /** Clock, randomness, disk and network: a simulation's, or by default the machine's. */
  readonly system?: SiteSystem
}

/** All that a site takes from outside. */
export interface SiteSystem extends Omit<Environment, 'log'> {
  defaultLog(): Logger
  loadKey(dataDir: string, log: Logger): NodeKey
  loadRoster(path: string): Roster
  openStore(dataDir: string, environment: Environment): Promise<Store>
  openMesh(options: MeshOptions): Promise<Mesh>
  dialTrunk(options: TrunkDialOptions): Promise<Connection>
  /** Refuses a URL that no dial could use, before anything is opened. @throws SelvedgeError `TRUNK_URL_INVALID` */
  checkTrunk?(trunk: TrunkChoice): void
  serveControl(dataDir: string, api: unknown, log: Logger): Promise<{ close(): Promise<void> }>
}

export const stateSpace = 'state'
export const configSpace = 'config'

const defaultSpaces: Readonly<Record<string, SpaceChoice>> = {
  [stateSpace]: { residency: 'trunk' },
  [configSpace]: { residency: 'trunk' },
  local: { residency: 'site' }
}

export interface CheckedSpaces {
  readonly site: SiteId
  readonly spaces: readonly { readonly id: SpaceId; readonly name: string; readonly residency: Residency }[]
}

/** @throws SelvedgeError `ID_INVALID`, `SITE_OPTIONS_INVALID` */
export function checkSpaces(options: Pick<SiteOptions, 'site' | 'spaces'>): CheckedSpaces {
  const site = siteId(options.site)
  const chosen = options.spaces ?? defaultSpaces
  for (const name of [stateSpace, configSpace])
    if (!chosen[name])
      throw new SelvedgeError(siteErrors.optionsInvalid, `spaces must name "${name}": points and config live there`)
  const spaces = Object.entries(chosen).map(([name, { residency }]) => {
    if (residency !== 'site' && residency !== 'trunk')
      throw new SelvedgeError(
        siteErrors.optionsInvalid,
        `spaces.${name}.residency must be "site" or "trunk", not ${JSON.stringify(residency)}`
      )
    return { id: spaceId(`${site}/${name}`), name, residency }
  })
  return { site, spaces }
}

/**
 * The name of a node in the building's roster.
 * @throws SelvedgeError `SITE_NODE_NOT_LISTED`
 */
export function nameInRoster(roster: Roster, node: NodeId): string {
  if (roster.admits(node)) return roster.nameOf(node)
  throw new SelvedgeError(
    siteErrors.notInRoster,
    `this node's id ${node} is not in the roster of ${roster.site}: add it there, on every node and on the relay`,
    { details: { node, site: roster.site } }
  )
}
