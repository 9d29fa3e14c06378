import { readFileSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import type * as Composites from '@selvedge/documents'
import type { RegisterTable } from '@selvedge/documents'
import { editsOf, moduleOf, mutants, mutate, StaleMutant, type Edit, type Mutant } from './index.js'

const packages = new URL('../../../', import.meta.url)
const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  isolatedModules: true,
  verbatimModuleSyntax: true
}

interface Source {
  readonly url: URL
  /** As written, and as built. */
  readonly texts: readonly [written: string, built: string]
}

const sources = new Map<string, Source>()

function sourceOf({ module }: Pick<Edit, 'module'>): Source {
  let source = sources.get(module)
  if (!source) {
    const slash = module.indexOf('/')
    const url = new URL(`${module.slice(0, slash)}/src/${module.slice(slash + 1)}.ts`, packages)
    const text = readFileSync(url, 'utf8')
    source = { url, texts: [text, ts.transpileModule(text, { compilerOptions }).outputText] }
    sources.set(module, source)
  }
  return source
}

/** What keeps a text from being a module. */
function mistakesIn(name: string, text: string): string[] {
  const { diagnostics = [] } = ts.transpileModule(text, { compilerOptions, fileName: name, reportDiagnostics: true })
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))
}

describe('mutants', () => {
  it.each(mutants.map(mutant => [mutant.name, mutant] as const))('%s fits the runtime as it is', (_, mutant) => {
    for (const edit of editsOf(mutant)) {
      const { url, texts } = sourceOf(edit)
      for (const text of texts) {
        // Each edit exactly once: else it throws.
        const mutated = mutate(mutant, url.href, text)
        expect(mutated).not.toBe(text)
        if (text === texts[1]) expect(mistakesIn('built.js', mutated)).toEqual([])
      }
    }
  })

  it('are what a test imports that asks for one', async () => {
    const { url } = sourceOf({ module: 'documents/table/composites' })
    const composites = async (query: string): Promise<number> => {
      const { PriorityArray } = (await import(/* @vite-ignore */ `${url.pathname}${query}`)) as typeof Composites
      const table = { get: (_: string, slot: string) => (slot === '16' ? { value: true } : undefined) }
      return new PriorityArray(table as unknown as RegisterTable, 'damper', false).levels().length
    }
    expect(await composites('')).toBe(1)
    expect(await composites('?mutant=lowest-level-ignored')).toBe(0)
  })

  it('have names of their own', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length)
  })
})

describe('a mutant', () => {
  const mutant: Mutant = { name: 'm', what: 'w', module: 'store/a', from: 'x === 1', to: 'x === 2', killedBy: 'c' }

  it('changes its module alone, built or not, in the workspace or installed', () => {
    expect(mutate(mutant, 'file:///w/packages/store/src/a.ts', 'if (x === 1) y')).toBe('if (x === 2) y')
    expect(mutate(mutant, 'file:///w/node_modules/@selvedge/store/dist/a.js?v=1', 'x === 1')).toBe('x === 2')
    expect(mutate(mutant, 'file:///w/packages/store/src/b.ts', 'x === 1')).toBe('x === 1')
    expect(mutate(mutant, 'file:///w/packages/session/src/a.ts', 'x === 1')).toBe('x === 1')
    expect(moduleOf('node:fs')).toBeUndefined()
  })

  it('that is stale says so', () => {
    expect(() => mutate(mutant, 'file:///w/packages/store/src/a.ts', 'x === 3')).toThrow(StaleMutant)
    expect(() => mutate(mutant, 'file:///w/packages/store/src/a.ts', 'x === 1 || x === 1')).toThrow(StaleMutant)
  })
})
