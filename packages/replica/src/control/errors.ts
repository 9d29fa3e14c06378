/** Codes of the control API: what its server answers, and what its client throws. Codes of what was asked for pass through as they are. */
export const controlErrors = {
  socketBusy: 'CONTROL_SOCKET_BUSY',
  socketFailed: 'CONTROL_SOCKET_FAILED',
  notRunning: 'CONTROL_NOT_RUNNING',
  denied: 'CONTROL_DENIED',
  lost: 'CONTROL_LOST',
  closed: 'CONTROL_CLOSED',
  routeUnknown: 'CONTROL_ROUTE_UNKNOWN',
  methodUnknown: 'CONTROL_METHOD_UNKNOWN',
  requestInvalid: 'CONTROL_REQUEST_INVALID',
  bodyTooLarge: 'CONTROL_BODY_TOO_LARGE',
  answerInvalid: 'CONTROL_ANSWER_INVALID',
  internal: 'CONTROL_INTERNAL',
  pointAbsent: 'CONTROL_POINT_ABSENT',
  documentUnknown: 'CONTROL_DOCUMENT_UNKNOWN',
  typeMismatch: 'CONTROL_TYPE_MISMATCH',
  conflictAmbiguous: 'CONTROL_CONFLICT_AMBIGUOUS',
  nodeUnknown: 'CONTROL_NODE_UNKNOWN',
  siteUnknown: 'CONTROL_SITE_UNKNOWN'
} as const
