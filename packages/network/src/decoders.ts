/**
 * What reads untrusted bytes here, and what writes them: for fuzzing, which must reach each by itself. No part of what the package
 * promises.
 */
export { encodeCloseReason, parseCloseReason } from './close-reason.js'
export { encodeClose, FrameDecoder, framePrefix } from './mesh-frames.js'
export { NodeHandshake, RelayHandshake } from './trunk-handshake.js'
