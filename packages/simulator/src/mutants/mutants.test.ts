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

function sourceOf({ module }: Edit): { url: URL; text: string } {
  const slash = module.indexOf('/')
  const url = new URL(`${module.slice(0, slash)}/src/${module.slice(slash + 1)}.ts`, packages)
  return { url, text: readFileSync(url, 'utf8') }
}

describe('mutants', () => {
  it.each(mutants.map(mutant => [mutant.name, mutant] as const))('%s fits the runtime as it is, and loads', async (_, mutant) => {
    for (const edit of editsOf(mutant)) {
      const { url, text } = sourceOf(edit)
      const { outputText } = ts.transpileModule(text, { compilerOptions })
      // As written and as built, each exactly once: else it throws.
      for (const each of [text, outputText]) expect(mutate(mutant, url.href, each)).not.toBe(each)
      const loaded = (await import(/* @vite-ignore */ `${url.pathname}?mutant=${mutant.name}`)) as object
      expect(Object.keys(loaded)).not.toEqual([])
    }
  })

  it('are what a test imports that asks for one', async () => {
    const { url } = sourceOf({ module: 'documents/table/composites', from: '', to: '' })
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
