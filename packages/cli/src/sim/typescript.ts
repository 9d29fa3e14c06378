/**
 * TypeScript as a scenario's own project means it, on every Node: by that project's compiler, with types left out and not checked.
 * What Node itself makes of TypeScript (from 22.18) knows neither parameter properties nor enums, and no `./a.js` for `./a.ts`;
 * it is taken where the project has no compiler.
 */
import { readFileSync } from 'node:fs'
import { createRequire, type LoadFnOutput } from 'node:module'
import { fileURLToPath } from 'node:url'

interface Compiler {
  transpileModule(text: string, options: object): { readonly outputText: string; readonly diagnostics?: readonly Diagnostic[] }
  flattenDiagnosticMessageText(message: unknown, newLine: string): string
}

interface Diagnostic {
  readonly messageText: unknown
  readonly start?: number
}

/** Compiles the modules of the project that a file is part of. */
export class ProjectTypeScript {
  private readonly compiler: Compiler | undefined

  /** @param near The URL of a file of the project. */
  constructor(near: string) {
    this.compiler = compilerNear(near)
  }

  /** The module at a URL; undefined where it is for Node to load. */
  load(url: string): LoadFnOutput | undefined {
    if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return undefined
    const fileName = fileURLToPath(url)
    if (!this.compiler) {
      if (nodeLoadsTypeScript()) return undefined
      throw new Error(
        `this version of Node does not load TypeScript (${fileName}): install "typescript" in your project, or use Node 22.18 or later`
      )
    }
    const text = readFileSync(fileName, 'utf8')
    const { outputText, diagnostics = [] } = this.compiler.transpileModule(text, {
      fileName,
      reportDiagnostics: true,
      compilerOptions: {
        module: 'esnext',
        target: 'es2022',
        inlineSourceMap: true,
        inlineSources: true,
        verbatimModuleSyntax: true
      }
    })
    const [wrong] = diagnostics
    if (wrong) {
      const line = text.slice(0, wrong.start).split('\n').length
      throw new SyntaxError(`${fileName}:${line}: ${this.compiler.flattenDiagnosticMessageText(wrong.messageText, '\n')}`)
    }
    return { format: 'module', source: outputText, shortCircuit: true }
  }
}

/** What else a specifier that names no file may mean: as TypeScript writes it, `./a.js` may be `./a.ts`. @throws The error itself. */
export function otherSpecifier(specifier: string, error: unknown): string {
  const relative = /^\.{1,2}\//.test(specifier) && specifier.endsWith('.js')
  if (!relative || (error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
  return specifier.replace(/\.js$/, '.ts')
}

function nodeLoadsTypeScript(): boolean {
  return Boolean((process.features as { typescript?: unknown }).typescript)
}

function compilerNear(url: string): Compiler | undefined {
  try {
    return createRequire(url)('typescript') as Compiler
  } catch {
    return undefined
  }
}
