/** Codes that `openRelay` throws, with which it ends sessions, and that its alarms and `/readyz` carry. */
export const relayErrors = {
  optionsInvalid: 'RELAY_OPTIONS_INVALID',
  listenFailed: 'RELAY_LISTEN_FAILED',
  tlsInvalid: 'RELAY_TLS_INVALID',
  siteUnknown: 'RELAY_SITE_UNKNOWN',
  closed: 'RELAY_CLOSED',
  draining: 'RELAY_DRAINING',
  sessionReplaced: 'RELAY_SESSION_REPLACED',
  siteRemoved: 'RELAY_SITE_REMOVED',
  loading: 'RELAY_LOADING',
  spaceUnreadable: 'RELAY_SPACE_UNREADABLE',
  rosterForeign: 'RELAY_ROSTER_FOREIGN'
} as const
