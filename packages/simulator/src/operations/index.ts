export type { OperationKind, Place } from './operation.js'
export { editConfig, editDocument, type DocumentChoice } from './documents.js'
export {
  addElement,
  batch,
  increment,
  override,
  read,
  remove,
  removeElement,
  set,
  writePriority,
  type PointChoice,
  type ValueChoice
} from './points.js'
