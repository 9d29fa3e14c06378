/** What `openRelay` takes, checked and with its defaults filled in. */
import { SelvedgeError, spaceId, type Connection, type Environment, type Logger, type SiteId, type Store } from '@selvedge/core'
import type { AnyPointSchema } from '@selvedge/documents'
import type { AdmissionOptions, NodeKey, Roster } from '@selvedge/network'
import type { LogTuning, ReplicaTiming, Routes } from '@selvedge/replica'
import { relayErrors } from './errors.js'

export type Rosters = ReadonlyMap<SiteId, Roster>
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface ListenChoice {
  /** Default `127.0.0.1`: this machine only, as behind a reverse proxy. `0.0.0.0`: every interface. */
  readonly host?: string
  /** Default 7800; 0: any free port. */
  readonly port?: number
}

export interface TlsChoice {
  /** PEM of the certificate and those that signed it. */
  readonly cert: string | Buffer
  /** PEM of its private key: never logged. */
  readonly key: string | Buffer
}

export interface RelayOptions<S extends AnyPointSchema = AnyPointSchema> {
  /** Where the relay keeps its key, its store and its control socket; made if it is not there. `memory`: keep nothing. */
  readonly dataDir: string
  /** Who may connect: a path to a JSON list of rosters, or rosters already read. */
  readonly rosters: string | Rosters
  /** Where trunks and HTTP requests are taken. */
  readonly listen?: ListenChoice
  /** Serves `wss` and `https` natively. Default: neither; a reverse proxy in front does it. */
  readonly tls?: TlsChoice
  /**
   * Serves `/healthz`, `/readyz` and `/metrics` here, without TLS, and not beside the trunks: metrics name the sites. Default: beside
   * the trunks.
   */
  readonly admin?: ListenChoice
  /** Definitions of the points of every site's `state` space. Without them any path and value is taken. */
  readonly points?: S
  /**
   * Short names of the spaces that are kept for each site: its trunk spaces. No other is accepted, opened or stored, whoever offers
   * it. Default `state` and `config`, which must be among them.
   */
  readonly spaces?: readonly string[]
  /** How fast new trunks are taken. Default 50 a second after the first 100. */
  readonly admission?: AdmissionOptions
  /** Longest wait, while draining, for sessions to be sent what they are owed. Default 2,000 ms. */
  readonly drainTimeoutMs?: number
  /** Sites with metrics of their own; those beyond, by name, are told together as `_other`. Default 1,000. */
  readonly metricsSitesMax?: number
  readonly timing?: Partial<ReplicaTiming>
  /** How what is stored is cut into records and rewritten: smaller where flash is small. See {@link LogTuning}. */
  readonly logTuning?: Partial<LogTuning>
  /** Structured logs in pino's shape. Default: JSON lines on standard error from `logLevel` on. */
  readonly log?: Logger
  /** Default `info`. Says nothing when `log` is given. */
  readonly logLevel?: LogLevel
  /** Serve the control socket in `dataDir` that the `selvedge` command talks to. Default true, unless `dataDir` is `memory`. */
  readonly control?: boolean
  /** Clock, randomness, disk and network: a simulation's, or by default the machine's. */
  readonly system?: RelaySystem
}

export interface HttpAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface ListenOptions extends Environment {
  readonly host: string
  readonly port: number
  readonly tls?: TlsChoice
  /** Answers a GET or HEAD request; undefined: no such page. Without it there are no pages. */
  readonly answer?: (path: string) => Promise<HttpAnswer | undefined>
  /** Takes trunks on `/trunk`. Without it there are none. */
  readonly trunks?: {
    readonly key: NodeKey
    rosters(site: SiteId): Roster | undefined
    readonly admission?: AdmissionOptions
    onConnection(connection: Connection): void
  }
}

export interface RelayListener {
  readonly host: string
  /** The port that is listened on: never 0. */
  readonly port: number
  readonly secure: boolean
  /** Ends what is left of connections and lets go of the port. Idempotent. */
  close(): Promise<void>
}

/** All that a relay takes from outside. */
export interface RelaySystem extends Omit<Environment, 'log'> {
  defaultLog(level: LogLevel): Logger
  loadKey(dataDir: string, log: Logger): NodeKey
  loadRosters(path: string): Rosters
  openStore(dataDir: string, environment: Environment): Promise<Store>
  /** @throws SelvedgeError `RELAY_LISTEN_FAILED`, `RELAY_TLS_INVALID` */
  listen(options: ListenOptions): Promise<RelayListener>
  /** Metrics of the process, in Prometheus' text format. */
  processMetrics(): Promise<string>
  serveControl(dataDir: string, routes: Routes, log: Logger): Promise<{ close(): Promise<void> }>
}

export const stateSpace = 'state'
export const configSpace = 'config'
export const defaultListen = { host: '127.0.0.1', port: 7800 } as const

const spacesMax = 32

/**
 * Gives the short names of the trunk spaces.
 * @throws SelvedgeError `RELAY_OPTIONS_INVALID`
 */
export function checkOptions(options: Pick<RelayOptions, 'spaces' | 'dataDir' | 'control'>): readonly string[] {
  const names = options.spaces ?? [stateSpace, configSpace]
  if (options.control === true && options.dataDir === 'memory') throw invalid('control needs a dataDir that is not "memory"')
  for (const required of [stateSpace, configSpace])
    if (!names.includes(required)) throw invalid(`spaces must name "${required}": points and config live there`)
  if (names.length > spacesMax || new Set(names).size !== names.length)
    throw invalid(`spaces must be at most ${spacesMax} names, each once`)
  for (const name of names) {
    try {
      spaceId(`site/${name}`)
    } catch (cause) {
      throw invalid(`spaces has a name that is not 1 to 63 of a-z, 0-9 and -: ${JSON.stringify(name)}`, cause)
    }
  }
  return names
}

function invalid(problem: string, cause?: unknown): SelvedgeError {
  return new SelvedgeError(relayErrors.optionsInvalid, problem, { cause })
}
