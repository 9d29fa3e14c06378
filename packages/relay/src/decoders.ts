/**
 * What reads untrusted bytes here, and what writes them: for fuzzing, which must reach each by itself. No part of what the package
 * promises.
 */
export { listen } from './system/listener.js'
