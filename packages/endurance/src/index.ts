/** The long runs, as functions; `main.ts` is their command. */
export { runCuts, type CutsOptions, type CutsVerdict } from './cuts.js'
export { runExile, type ExileOptions, type ExileVerdict } from './exile.js'
export { runKills, type KillsOptions, type KillsVerdict } from './kills.js'
export { runSoak, type SoakOptions, type SoakVerdict } from './soak.js'
