/** Codes with which a session ends; they cross the wire in its close message. */
export const sessionErrors = {
  frameInvalid: 'SESSION_FRAME_INVALID',
  frameTooLarge: 'SESSION_FRAME_TOO_LARGE',
  protocolVersion: 'SESSION_PROTOCOL_VERSION',
  protocolViolation: 'SESSION_PROTOCOL_VIOLATION',
  timeout: 'SESSION_TIMEOUT',
  overloaded: 'SESSION_OVERLOADED',
  spaceRefused: 'SESSION_SPACE_REFUSED',
  internal: 'SESSION_INTERNAL'
} as const
