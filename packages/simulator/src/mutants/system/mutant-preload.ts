/**
 * Puts a mutant into the modules of this process as they are loaded: `node --import …/mutant-preload.js`, with its name in
 * `SELVEDGE_MUTANT`. It loads nothing of the runtime itself, which must not be there before.
 */
import * as nodeModule from 'node:module'
import { concerns, mutantNamed, mutate } from '../index.js'

/** Of later Nodes: hooks on the thread that loads. */
interface ThreadHooks {
  registerHooks?(hooks: { load(url: string, context: object, nextLoad: (url: string, context: object) => Loaded): Loaded }): void
}

interface Loaded {
  readonly source?: string | ArrayBufferView | ArrayBuffer | null | undefined
}

const name = process.env['SELVEDGE_MUTANT']
if (name !== undefined) {
  const mutant = mutantNamed(name)
  if (!mutant) throw new Error(`there is no mutant ${name}`)
  const threadHooks = nodeModule as ThreadHooks
  if (threadHooks.registerHooks)
    threadHooks.registerHooks({
      load: (url, context, nextLoad) => {
        const loaded = nextLoad(url, context)
        const { source } = loaded
        return source && concerns(mutant, url) ? { ...loaded, source: mutate(mutant, url, textOf(source)) } : loaded
      }
    })
  else nodeModule.register(new URL('./mutant-loader.js', import.meta.url), { data: name })
}

function textOf(source: string | ArrayBufferView | ArrayBuffer): string {
  return typeof source === 'string' ? source : new TextDecoder().decode(source as Uint8Array)
}
