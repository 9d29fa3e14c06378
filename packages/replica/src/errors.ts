/** Codes that a replica and its points, documents and config throw. */
export const replicaErrors = {
  stateVersionNewer: 'STATE_VERSION_NEWER',
  stateInvalid: 'STATE_INVALID',
  spaceUnknown: 'SPACE_UNKNOWN',
  replicaClosed: 'REPLICA_CLOSED',
  receiptAborted: 'RECEIPT_ABORTED',
  batchTooLarge: 'BATCH_TOO_LARGE',
  conflictUnknown: 'CONFLICT_UNKNOWN',
  shadowUnknown: 'SHADOW_UNKNOWN'
} as const
