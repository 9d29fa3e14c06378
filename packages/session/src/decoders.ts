/**
 * What reads untrusted bytes here, and what writes them: for fuzzing, which must reach each by itself. No part of what the package
 * promises.
 */
export { decodeFrame, encodeFrame, Kind } from './frames.js'
export { closeBody, helloMessage, readClose, readHello } from './greetings.js'
