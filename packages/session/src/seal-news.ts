/** What a seal would tell the peer by now: whether it is worth a message, and whether it may wait for another (SES-21). */
import type { WriterKey } from '@selvedge/documents'
import type { LinkState } from './link-state.js'
import type { Patience } from './patience.js'

/** Nothing new, what the peer hears for itself, or more. */
export enum News {
  None,
  Heard,
  More
}

export function newsOfSeal(
  link: LinkState,
  patience: Patience,
  floors: ReadonlyMap<WriterKey, number>,
  sentFloors: { get(key: WriterKey): number | undefined }
): News {
  const { table } = link.space
  let news = News.None
  for (const writer of table.writers.values()) {
    if (writer.covered === 0 || link.view.covers(writer, writer.covered) || table.isClosed(writer)) continue
    if (!patience.isHeard(writer)) return News.More
    news = News.Heard
  }
  for (const [node, time] of table.closed) if ((link.view.closed.get(node) ?? Number.NEGATIVE_INFINITY) < time) return News.More
  for (const [key, seq] of floors) if (seq > (sentFloors.get(key) ?? 0)) return News.More
  return news
}
