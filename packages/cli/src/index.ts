/** The `selvedge` command, for programs that want to run it inside of themselves: `bin/selvedge.js` does no more than that. */
export * from './errors.js'
export { exitCodes } from './failure.js'
export type { Io } from './io.js'
export { runCommand } from './program.js'
