export { definePoints } from '@selvedge/documents'
export { relayRoutes, type RelayControl } from './control-routes.js'
export * from './errors.js'
export type { RelayEvent } from './events.js'
export type { Alarm, Health } from '@selvedge/replica'
export { openRelay, Relay } from './relay.js'
export type {
  HttpAnswer,
  ListenChoice,
  ListenOptions,
  LogLevel,
  RelayListener,
  RelayOptions,
  RelaySystem,
  Rosters,
  TlsChoice
} from './relay-options.js'
export { RelaySite, type SitePresence } from './relay-site.js'
export type { NotReady, RelaySiteStatus, RelayStatus } from './relay-status.js'
export * as decoders from './decoders.js'
