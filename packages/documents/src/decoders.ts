/**
 * What reads untrusted bytes here, and what writes them: for fuzzing, which must reach each by itself. No part of what the package
 * promises.
 */
export { AutomergeEngine, importAutomerge } from './document/automerge-engine.js'
export { changeChunks } from './document/change-chunks.js'
export { Fragmenter, Reassembly, wrapWhole } from './document/fragments.js'
export { readIncluded, writeIncluded } from './document/included.js'
export { decodeMessage, encodeMessage, type Message } from './document/messages.js'
export { readStoredDocuments } from './document/stored-documents.js'
export {
  appendBatch,
  compactBatch,
  decodeHeader,
  encodeHeader,
  noRecords,
  parseRecordKey,
  readContent
} from './document/stored-records.js'
export { YjsEngine } from './document/yjs-engine.js'
export { parsePattern } from './points/compile.js'
