/**
 * What reads untrusted bytes here, and what writes them: for fuzzing, which must reach each by itself. No part of what the package
 * promises.
 */
export { inspectTable } from './level-table.js'
export {
  decodeCommitMark,
  decodeDamageMark,
  decodeManifest,
  decodeVersion,
  encodeCommitMark,
  encodeDamageMark,
  encodeManifest,
  encodeVersion,
  frame,
  spaceOfLevelKey
} from './record.js'
export { SetDigest } from './digest.js'
export { WatermarkFile } from './system/watermark-file.js'
