/** Scenarios out of a file of TypeScript or JavaScript. */
import * as nodeModule from 'node:module'
import { pathToFileURL } from 'node:url'
import type { AnyScenario } from '@selvedge/simulator'
import { otherSpecifier, ProjectTypeScript } from './typescript.js'

/** Of later Nodes: hooks on the thread that loads. */
interface ThreadHooks {
  registerHooks?(hooks: {
    resolve<T>(specifier: string, context: object, next: (specifier: string, context: object) => T): T
    load(url: string, context: object, next: (url: string, context: object) => nodeModule.LoadFnOutput): nodeModule.LoadFnOutput
  }): void
}

let hooked = false

/** Every scenario that a file exports, by its name; none of a file that others import. */
export async function loadScenarios(file: string): Promise<ReadonlyMap<string, AnyScenario>> {
  const url = pathToFileURL(file).href
  if (!hooked) {
    hooked = true
    hook(url)
  }
  const exported = Object.values((await import(url)) as Record<string, unknown>).filter(isScenario)
  return new Map(exported.map(scenario => [scenario.name, scenario]))
}

function hook(near: string): void {
  const threadHooks = nodeModule as ThreadHooks
  if (!threadHooks.registerHooks) return nodeModule.register('./typescript-hooks.js', import.meta.url, { data: near })
  const project = new ProjectTypeScript(near)
  threadHooks.registerHooks({
    resolve: (specifier, context, next) => {
      try {
        return next(specifier, context)
      } catch (error) {
        return next(otherSpecifier(specifier, error), context)
      }
    },
    load: (url, context, next) => project.load(url) ?? next(url, context)
  })
}

// By its shape: it may have been made by another copy of the package.
function isScenario(value: unknown): value is AnyScenario {
  const definition = (value as Partial<AnyScenario> | undefined)?.definition
  return typeof definition === 'object' && typeof definition.name === 'string' && Array.isArray(definition.sites)
}
