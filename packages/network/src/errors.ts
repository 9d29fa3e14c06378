/** Codes that this package throws, and codes with which its connections close. Each stands under its own heading in the README. */
export const networkErrors = {
  keyInvalid: 'KEY_INVALID',
  keyUnreadable: 'KEY_UNREADABLE',
  rosterInvalid: 'ROSTER_INVALID',
  rosterUnreadable: 'ROSTER_UNREADABLE',
  memoryDialFailed: 'MEMORY_DIAL_FAILED',
  meshListenFailed: 'MESH_LISTEN_FAILED',
  meshAddressInvalid: 'MESH_ADDRESS_INVALID',
  meshDialFailed: 'MESH_DIAL_FAILED',
  meshClosed: 'MESH_CLOSED',
  trunkUrlInvalid: 'TRUNK_URL_INVALID',
  trunkNoRelay: 'TRUNK_NO_RELAY',
  trunkUnreachable: 'TRUNK_UNREACHABLE',
  trunkTimeout: 'TRUNK_TIMEOUT',
  trunkAborted: 'TRUNK_ABORTED',
  trunkProtocol: 'TRUNK_PROTOCOL',
  trunkRefusedVersion: 'TRUNK_REFUSED_VERSION',
  trunkRefusedSite: 'TRUNK_REFUSED_SITE',
  trunkRefusedNode: 'TRUNK_REFUSED_NODE',
  trunkRefusedProof: 'TRUNK_REFUSED_PROOF',
  trunkRefusedRelay: 'TRUNK_REFUSED_RELAY',
  trunkRefusedBusy: 'TRUNK_REFUSED_BUSY'
} as const

/** Codes of a `CloseReason` that the transports themselves give. Those above a transport (the session, the relay) have their own. */
export const closeCodes = {
  closed: 'CONNECTION_CLOSED',
  lost: 'CONNECTION_LOST',
  overflow: 'CONNECTION_OVERFLOW',
  frameTooLarge: 'FRAME_TOO_LARGE',
  frameInvalid: 'FRAME_INVALID',
  replaced: 'MESH_REPLACED',
  blocked: 'MESH_BLOCKED',
  disconnected: 'MESH_DISCONNECTED',
  meshClosed: 'MESH_CLOSED',
  trunkServerClosed: 'TRUNK_SERVER_CLOSED',
  drained: 'TRUNK_DRAINED'
} as const
