/** Does one act that the parent ordered, and waits until it is durable at the level asked for. */
import type { DurabilityLevel, Receipt } from '@selvedge/replica'
import type { Errand } from './protocol.js'
import { configId, notesId, type Served } from './served.js'

export async function runErrand(served: Served, errand: Errand, level: DurabilityLevel): Promise<void> {
  if (errand.kind === 'note') {
    const { doc } = served.notes
    doc.transact(() => {
      doc.getMap('latest').set(errand.key, errand.value)
      if (errand.token !== undefined) doc.getArray<string>('tokens').push([errand.token])
    })
    await served.state.documentDurable(notesId, level)
  } else if (errand.kind === 'config') {
    await served.config.change(`${errand.key} ${errand.value}`, draft => {
      ;(draft as Record<string, unknown>)[errand.key] = errand.value
    })
    await served.configSpace.documentDurable(configId, level)
  } else await write(served, errand).durable(level)
}

function write({ points }: Served, errand: Exclude<Errand, { kind: 'note' | 'config' }>): Receipt {
  const { path } = errand
  switch (errand.kind) {
    case 'set':
      return points.set(path, errand.value)
    case 'delete':
      return points.delete(path)
    case 'add':
      return points.elements(path).add(errand.value)
    case 'remove':
      return points.elements(path).remove(errand.value)
    case 'increment':
      return points.counter(path).increment(1, errand.id === undefined ? {} : { id: errand.id })
  }
}
