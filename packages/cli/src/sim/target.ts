/** What a command is pointed at: a seed of a scenario, or a plan that was saved. */
import { resolve } from 'node:path'
import { SelvedgeError } from '@selvedge/core'
import type { SavedPlan } from '@selvedge/simulator'
import { cliErrors } from '../errors.js'

export interface Target {
  /** The file of the scenario. */
  readonly file: string
  /** Empty: the only one in the file. */
  readonly scenario: string
  readonly plan: SavedPlan | number
}

/** @throws SelvedgeError for what is neither, or is not enough */
export async function targetOf(which: string, file: string | undefined, only: string | undefined): Promise<Target> {
  if (/^\d+$/.test(which)) {
    if (file === undefined)
      throw new SelvedgeError(cliErrors.optionMissing, 'a seed says nothing without its scenario: name the file after it')
    return { file: resolve(file), scenario: only ?? '', plan: Number(which) }
  }
  const { readPlan } = await import('@selvedge/simulator')
  try {
    const { plan, scenarioFile } = readPlan(which)
    const from = file === undefined ? scenarioFile : resolve(file)
    if (from === undefined) throw usage(`${which} does not say where its scenario is: name the file after it`)
    return { file: from, scenario: only ?? plan.scenario, plan }
  } catch (cause) {
    if (cause instanceof SelvedgeError) throw cause
    throw new SelvedgeError(cliErrors.fileInvalid, `${which}: ${(cause as Error).message}`, { cause, details: { file: which } })
  }
}

export function usage(message: string): SelvedgeError {
  return new SelvedgeError(cliErrors.fileInvalid, message)
}
