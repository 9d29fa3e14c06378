export type { Peer, StoredListener } from './acknowledged-edits.js'
export {
  AutomergeDocument,
  type AutomergeDocumentOptions,
  type ChangeOptions,
  type ConfigChange,
  type ReleasedConfig
} from './automerge-document.js'
export { importAutomerge } from './automerge-engine.js'
export type { CatalogueEntry } from './catalogue.js'
export type { ChannelOptions, DocumentChannel } from './channel.js'
export type { ConfigConflict, ConflictingValue } from './config-conflicts.js'
export type { ConfigRelease } from './config-release.js'
export type { ConfigValidation } from './config-validation.js'
export type { DocumentDot } from './copy-contract.js'
export { documentLimits, type DocumentLimits } from './document-limits.js'
export { DocumentSet, type DocumentSetOptions, type ListedDocument } from './document-set.js'
export type { EngineName } from './engine.js'
export { documentErrors } from './errors.js'
export type { Included } from './included.js'
export type { RegisterAccess } from './register-access.js'
export type { DocumentStatus, ReplicatedDocument } from './replicated-document.js'
export { YjsDocument } from './yjs-document.js'
