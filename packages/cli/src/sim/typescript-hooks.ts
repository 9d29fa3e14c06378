/** `typescript.ts` for Nodes whose load hooks run on a thread of their own (before 22.15): see `scenario-file.ts`. */
import type { InitializeHook, LoadHook, ResolveHook } from 'node:module'
import { otherSpecifier, ProjectTypeScript } from './typescript.js'

let project: ProjectTypeScript | undefined

export const initialize: InitializeHook<string> = near => {
  project = new ProjectTypeScript(near)
}

export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return await next(specifier, context)
  } catch (error) {
    return next(otherSpecifier(specifier, error), context)
  }
}

export const load: LoadHook = async (url, context, next) => project?.load(url) ?? next(url, context)
