/** Scenarios out of a file of TypeScript or JavaScript. */
import { register } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { AnyScenario } from '@selvedge/simulator'

let hooked = false

/** Every scenario that a file exports, by its name. */
export async function loadScenarios(file: string): Promise<ReadonlyMap<string, AnyScenario>> {
  const url = pathToFileURL(file).href
  if (file.endsWith('.ts') && !hooked && !(process.features as { typescript?: unknown }).typescript) {
    hooked = true
    register('./typescript-hooks.js', import.meta.url, { data: { near: url } })
  }
  const exported = Object.values((await import(url)) as Record<string, unknown>).filter(isScenario)
  if (exported.length === 0) throw new Error(`${file} exports no scenario`)
  return new Map(exported.map(scenario => [scenario.name, scenario]))
}

// By its shape: it may have been made by another copy of the package.
function isScenario(value: unknown): value is AnyScenario {
  const definition = (value as Partial<AnyScenario> | undefined)?.definition
  return typeof definition === 'object' && typeof definition.name === 'string' && Array.isArray(definition.sites)
}
