/** Plans on the real disk. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { decodePlan, encodePlan, type SavedPlan } from '../plan/saved-plan.js'

/** Saves a plan under its scenario's name and its seed; gives the path. */
export function savePlan(directory: string, plan: SavedPlan, scenarioFile?: string): string {
  const name = `${plan.scenario.replace(/[^\w-]+/g, '-')}-${plan.seed}.json`
  const path = join(directory, name)
  mkdirSync(directory, { recursive: true })
  writeFileSync(
    path,
    encodePlan(scenarioFile === undefined ? plan : { ...plan, file: relative(directory, resolve(scenarioFile)) })
  )
  return path
}

/** A saved plan, and the path of its scenario's file if it names one. */
export function readPlan(path: string): { readonly plan: SavedPlan; readonly scenarioFile: string | undefined } {
  const plan = decodePlan(readFileSync(path, 'utf8'))
  return { plan, scenarioFile: plan.file === undefined ? undefined : resolve(dirname(path), plan.file) }
}
