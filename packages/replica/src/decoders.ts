/**
 * What reads untrusted bytes here, and what writes them: for fuzzing, which must reach each by itself. No part of what the package
 * promises.
 */
export { SpaceLog } from './space-log.js'
export { decodeMembers, decodeState, encodeMembers, encodeState, type SpaceState, type StoredMember } from './space-state.js'
