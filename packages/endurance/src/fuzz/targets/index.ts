/** Every target, in the order in which they are run. */
import type { Target } from '../target.js'
import { coreTargets } from './core.js'
import { documentTargets } from './documents.js'
import { engineTargets } from './engines.js'
import { faultyTargets } from './faulty.js'
import { httpTargets } from './http.js'
import { networkTargets } from './network.js'
import { sessionTargets } from './session.js'
import { spaceTargets } from './spaces.js'
import { storeTargets } from './store.js'
import { storedSpaceTargets } from './stored-spaces.js'
import { tableTargets } from './table.js'

export const targets: readonly Target[] = [
  ...coreTargets,
  ...tableTargets,
  ...sessionTargets,
  ...documentTargets,
  ...engineTargets,
  ...networkTargets,
  ...storeTargets,
  ...storedSpaceTargets,
  ...spaceTargets,
  ...httpTargets
]

export function targetNamed(name: string): Target | undefined {
  return [...targets, ...faultyTargets].find(target => target.name === name)
}
