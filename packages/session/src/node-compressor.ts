/** Node's zlib, synchronously: frames are small, and a simulation must not leave its thread. */
import { deflateRawSync, inflateRawSync, constants } from 'node:zlib'
import type { Compressor } from './frames.js'

export const nodeCompressor: Compressor = {
  deflate: bytes => deflateRawSync(bytes, { level: 6, memLevel: 8, strategy: constants.Z_DEFAULT_STRATEGY }),
  inflate: (bytes, maxBytes) => inflateRawSync(bytes, { maxOutputLength: maxBytes })
}
