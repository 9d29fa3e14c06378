/**
 * The local control API: what the `selvedge` command, and any program of the same user on the same machine, may ask of a running
 * node or relay, as JSON over a socket in its data directory.
 */
export * from './control/answers.js'
export { controlErrors } from './control/errors.js'
export * from './control/fields.js'
export { type ControlFailure } from './control/failure.js'
export { fromControlJson, toControlJson } from './control/json.js'
export { type ControlHandler, type ControlMethod, type ControlRequest, type Routes } from './control/router.js'
export { spaceRoutes, type ControlledSpace, type ControlledSpaces } from './control/space-routes.js'
export { controlClient, type ControlClient, type ControlQuery } from './system/control-client.js'
export { serveControl, type ControlServer, type ControlServerOptions } from './system/control-server.js'
