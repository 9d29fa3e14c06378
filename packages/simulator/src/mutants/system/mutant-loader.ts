/** The same for Nodes whose load hooks run on a thread of their own (before 22.15): see `mutant-preload.ts`. */
import type { InitializeHook, LoadHook } from 'node:module'
import { concerns, mutantNamed, mutate, type Mutant } from '../index.js'

let mutant: Mutant | undefined

export const initialize: InitializeHook<string> = name => {
  mutant = mutantNamed(name)
}

export const load: LoadHook = async (url, context, nextLoad) => {
  const loaded = await nextLoad(url, context)
  const { source } = loaded
  if (!mutant || !source || !concerns(mutant, url)) return loaded
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source)
  return { ...loaded, source: mutate(mutant, url, text) }
}
