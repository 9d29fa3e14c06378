/** Node's zlib, synchronously: frames are small, and a simulation must not leave its thread. */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Compressor } from './frames.js'

export const nodeCompressor: Compressor = {
  // A small memory makes zlib begin a new table of codes every 2,048 symbols: each column of a block of entries gets its own.
  deflate: bytes => deflateRawSync(bytes, { level: 6, memLevel: 5 }),
  inflate: (bytes, maxBytes) => inflateRawSync(bytes, { maxOutputLength: maxBytes })
}
