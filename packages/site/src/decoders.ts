/**
 * What reads untrusted bytes here, and what writes them: for fuzzing, which must reach each by itself. No part of what the package
 * promises.
 */
export { decodePresence, encodePresence, type Presence } from './presence.js'
