/**
 * Loads a scenario's TypeScript where Node does not by itself (before 22.18), with the TypeScript that the scenario's own project has.
 * Types are left out and not checked.
 */
import { readFile } from 'node:fs/promises'
import { createRequire, type InitializeHook, type LoadHook, type ResolveHook } from 'node:module'
import { fileURLToPath } from 'node:url'

interface Compiler {
  transpileModule(text: string, options: object): { readonly outputText: string }
}

let near = import.meta.url
let compiler: Compiler | undefined

export const initialize: InitializeHook<{ readonly near: string }> = data => {
  near = data.near
}

/** As TypeScript writes it, `./a.js` may be `./a.ts`. */
export const resolve: ResolveHook = async (specifier, context, next) => {
  try {
    return await next(specifier, context)
  } catch (error) {
    const relative = /^\.{1,2}\//.test(specifier) && specifier.endsWith('.js')
    if (!relative || (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    return next(specifier.replace(/\.js$/, '.ts'), context)
  }
}

export const load: LoadHook = async (url, context, next) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return next(url, context)
  const text = await readFile(fileURLToPath(url), 'utf8')
  const { outputText } = typescript().transpileModule(text, {
    fileName: fileURLToPath(url),
    compilerOptions: {
      module: 'esnext',
      target: 'es2022',
      inlineSourceMap: true,
      inlineSources: true,
      verbatimModuleSyntax: true
    }
  })
  return { format: 'module', source: outputText, shortCircuit: true }
}

function typescript(): Compiler {
  try {
    compiler ??= createRequire(near)('typescript') as Compiler
    return compiler
  } catch (cause) {
    throw new Error(
      'this version of Node does not load TypeScript: install "typescript" in your project, or use Node 22.18 or later',
      {
        cause
      }
    )
  }
}
