/** Every route of the spaces of a node or a relay. Those of the node itself (status, trunk, isolation) are its own. */
import { configRoutes } from './config-routes.js'
import type { ControlledSpaces } from './controlled-space.js'
import { documentRoutes } from './document-routes.js'
import { mergeRoutes } from './merge-routes.js'
import { pointRoutes } from './point-routes.js'
import type { Routes } from './router.js'

export type { ControlledSpace, ControlledSpaces } from './controlled-space.js'

/**
 * @example
 * const routes: Routes = { 'GET /status': () => relay.status(), ...spaceRoutes({ space: (name, site) => …, open: site => … }) }
 */
export function spaceRoutes(spaces: ControlledSpaces): Routes {
  return { ...pointRoutes(spaces), ...mergeRoutes(spaces), ...configRoutes(spaces), ...documentRoutes(spaces) }
}
