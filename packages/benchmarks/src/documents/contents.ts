/**
 * The documents of `documents-reconnect`: a week's schedule of a zone (Yjs) and the settings of a ventilation unit (Automerge), a few
 * kilobytes each, and the small edits that each side makes while the two are apart.
 */
import type * as Y from 'yjs'

/** Replaces one entry of a schedule, adds another, and notes why. */
export function editSchedule(doc: Y.Doc, edit: number): void {
  doc.transact(() => {
    const entries = doc.getMap<object>('entries')
    entries.set('mon-08:00', { temperature: 19 + (edit % 8) / 2, mode: 'comfort', edit })
    entries.set(`once-${edit % 4}`, { temperature: 17, mode: 'away', edit })
    doc.getText('notes').insert(0, `${edit}: the hall is let this evening. `)
  })
}

export function fillSchedule(doc: Y.Doc): void {
  doc.transact(() => {
    const entries = doc.getMap<object>('entries')
    for (const day of ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])
      for (const hour of ['06:00', '08:00', '12:00', '17:00', '22:00'])
        entries.set(`${day}-${hour}`, { temperature: 20, mode: 'comfort', edit: 0 })
    doc.getText('notes').insert(0, 'Heat the hall early on days of an assembly; the caretaker has the calendar. '.repeat(4))
  })
}

export interface UnitSettings {
  name: string
  edit: number
  limits: Record<string, { low: number; high: number; delaySeconds: number }>
  sequence: string[]
}

export function unitSettings(index: number): UnitSettings {
  return {
    name: `AHU ${index}`,
    edit: 0,
    limits: Object.fromEntries(
      ['supply', 'return', 'outside', 'mixed', 'frost', 'humidity', 'pressure', 'co2'].map(name => [
        name,
        { low: 5, high: 60, delaySeconds: 30 }
      ])
    ),
    sequence: ['open dampers', 'start supply fan', 'start return fan', 'release heating', 'release cooling', 'release humidifier']
  }
}

export function editSettings(draft: UnitSettings, edit: number): void {
  draft.edit = edit
  draft.limits['supply']!.high = 40 + (edit % 20)
  draft.limits['frost']!.delaySeconds = edit % 60
}
