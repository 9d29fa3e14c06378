/**
 * Makes a draft equal to earlier content by as few edits as are easily found, so that what did not differ keeps its identity and
 * concurrent changes to it still merge.
 */
import type { Automerge } from './automerge-engine.js'
import { contentEquals, copyContent, isContainer } from './config-content.js'

type Keyed = Record<string, unknown>

/** Edits `draft` until it equals `wanted`. */
export function reconcile(automerge: Automerge, draft: Keyed, wanted: Keyed): void {
  for (const key of Object.keys(draft)) if (!(key in wanted)) delete draft[key]
  for (const [key, value] of Object.entries(wanted)) reconcileAt(automerge, draft, key, value)
}

function reconcileAt(automerge: Automerge, parent: Keyed | unknown[], key: string | number, wanted: unknown): void {
  const holder = parent as Record<string | number, unknown>
  const present = holder[key]
  if (contentEquals(automerge, present, wanted)) return
  if (automerge.isCounter(present) && automerge.isCounter(wanted)) {
    const draftCounter = present as typeof present & { increment(by: number): number }
    draftCounter.increment(wanted.value - present.value)
  } else if (Array.isArray(present) && Array.isArray(wanted)) reconcileList(automerge, present, wanted)
  else if (isContainer(automerge, present) && isContainer(automerge, wanted) && !Array.isArray(present) && !Array.isArray(wanted))
    reconcile(automerge, present as Keyed, wanted as Keyed)
  else holder[key] = copyContent(automerge, wanted)
}

/** Keeps the common head and tail; what lies between is reconciled in place as far as both lists reach, then cut or filled up. */
function reconcileList(automerge: Automerge, draft: unknown[], wanted: readonly unknown[]): void {
  let head = 0
  while (head < draft.length && head < wanted.length && contentEquals(automerge, draft[head], wanted[head])) head++
  let tail = 0
  while (
    tail < draft.length - head &&
    tail < wanted.length - head &&
    contentEquals(automerge, draft[draft.length - 1 - tail], wanted[wanted.length - 1 - tail])
  )
    tail++
  const shared = Math.min(draft.length, wanted.length) - head - tail
  for (let i = head; i < head + shared; i++) reconcileAt(automerge, draft, i, wanted[i])
  const surplus = draft.length - wanted.length
  if (surplus > 0) draft.splice(head + shared, surplus)
  else if (surplus < 0)
    draft.splice(
      head + shared,
      0,
      ...wanted.slice(head + shared, head + shared - surplus).map(item => copyContent(automerge, item))
    )
}
