/**
 * The checks of `architecture.test.ts`: each takes texts and gives the problems it finds, as lines that name the file, so that
 * each can itself be tested with a bad example.
 */
import ts from 'typescript'

/** A file, by its path from the root of the repository. */
export interface SourceText {
  readonly path: string
  readonly text: string
}

export interface Import {
  readonly specifier: string
  readonly line: number
}

/** Which packages a package may import, and why no others: `layers.json`. */
export type Layers = Readonly<Record<string, { readonly mayImport: readonly string[]; readonly why: string }>>

export interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  /** Of an entry point that is of use beside another package alone. */
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Entry points beside a package's own: what they import, not every user of the package has. */
const entryPoints: readonly string[] = ['@selvedge/simulator/vitest']

export function isTest(path: string): boolean {
  return /\.test(-d)?\.ts$/.test(path) || path.includes('/src/testing/')
}

function parse({ path, text }: SourceText): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true)
}

function lineOf(source: ts.SourceFile, node: ts.Node): number {
  return source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
}

function visit(node: ts.Node, each: (node: ts.Node) => void): void {
  each(node)
  ts.forEachChild(node, child => visit(child, each))
}

/** Everything that a file imports: statically or not, types or values, also by exporting it again. */
export function importsOf(file: SourceText): Import[] {
  const source = parse(file)
  const found: Import[] = []
  visit(source, node => {
    const specifier = specifierOf(node)
    if (specifier !== undefined) found.push({ specifier, line: lineOf(source, node) })
  })
  return found
}

function specifierOf(node: ts.Node): string | undefined {
  let literal: ts.Node | undefined
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) literal = node.moduleSpecifier
  else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) literal = node.argument.literal
  else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) literal = node.arguments[0]
  return literal && ts.isStringLiteralLike(literal) ? literal.text : undefined
}

/** `packages/store/src/a.ts` → `store`; undefined outside of `packages`. */
function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1]
}

/** The npm package that a specifier names; undefined for files and for Node's own modules. */
export function npmPackage(specifier: string): string | undefined {
  if (/^(\.|\/|node:)/.test(specifier)) return undefined
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Where a relative specifier leads, as a path from the root: `a/b.ts` and `../c.js` give `c.ts`. */
function resolveRelative(from: string, specifier: string): string {
  const parts = from.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  return parts.join('/').replace(/\.js$/, '.ts')
}

/** Imports that point the wrong way, or past another package's entry point. */
export function directionProblems(files: readonly SourceText[], layers: Layers): string[] {
  return files.flatMap(file =>
    importsOf(file).flatMap(({ specifier, line }) => {
      const problem = directionProblem(file.path, specifier, layers)
      return problem ? [`${file.path}:${line} imports '${specifier}': ${problem}`] : []
    })
  )
}

function directionProblem(path: string, specifier: string, layers: Layers): string | undefined {
  const own = packageOf(path)
  const ours = /^@selvedge\/([^/]+)(\/.+)?$/.exec(specifier)
  if (ours) {
    if (ours[2] && !entryPoints.includes(specifier)) return 'a package is imported by its name alone'
    return own === undefined ? undefined : layerProblem(own, ours[1]!, layers)
  }
  if (!specifier.startsWith('.')) return undefined
  const target = resolveRelative(path, specifier)
  const root = /^(packages|demos)\/[^/]+\//.exec(path)?.[0]
  if (root === undefined || target.startsWith(root)) return undefined
  const theirs = packageOf(target)
  if (theirs === undefined || !isTest(path) || !target.includes('/src/testing/')) return 'another package is imported by its name'
  return own === undefined ? undefined : layerProblem(own, theirs, layers)
}

function layerProblem(own: string, other: string, layers: Layers): string | undefined {
  const layer = layers[own]
  if (!layer) return `packages/layers.json does not say what ${own} may import`
  if (layer.mayImport.includes(other)) return undefined
  return `${own} may import ${layer.mayImport.join(', ') || 'no other package'}: ${layer.why}`
}

/** Files that import one another in a circle, once for each circle found. */
export function cycleProblems(files: readonly SourceText[]): string[] {
  const known = new Map(files.map(file => [file.path, file]))
  const state = new Map<string, 'open' | 'done'>()
  const trail: string[] = []
  const problems: string[] = []
  const follow = (file: SourceText): void => {
    state.set(file.path, 'open')
    trail.push(file.path)
    for (const { specifier } of importsOf(file)) {
      const target = specifier.startsWith('.') ? known.get(resolveRelative(file.path, specifier)) : undefined
      if (!target) continue
      if (state.get(target.path) === 'open')
        problems.push(`import cycle: ${[...trail.slice(trail.indexOf(target.path)), target.path].join(' → ')}`)
      else if (!state.has(target.path)) follow(target)
    }
    trail.pop()
    state.set(file.path, 'done')
  }
  for (const file of files) if (!state.has(file.path)) follow(file)
  return problems
}

/**
 * Dependencies declared and not used, and used and not declared. Tests may also use what they or the root declare for development,
 * and so may every source of a private package, which nobody installs.
 */
export function dependencyProblems(manifest: Manifest, files: readonly SourceText[], rootDev: readonly string[]): string[] {
  const declared = new Set(Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }))
  const dev = new Set(Object.keys(manifest.devDependencies ?? {}))
  const used = new Set<string>()
  const usedByTests = new Set<string>()
  const problems: string[] = []
  for (const file of files)
    for (const { specifier, line } of importsOf(file)) {
      const name = npmPackage(specifier)
      if (name === undefined) continue
      const test = isTest(file.path) || (manifest.private === true && !declared.has(name))
      ;(test ? usedByTests : used).add(name)
      if (!declared.has(name) && !(test && (dev.has(name) || rootDev.includes(name))))
        problems.push(`${file.path}:${line} imports '${name}', which ${manifest.name} does not depend on`)
    }
  for (const name of declared)
    if (!used.has(name)) problems.push(`${manifest.name} depends on '${name}', which no source of it imports`)
  for (const name of dev)
    if (!usedByTests.has(name))
      problems.push(`${manifest.name} depends on '${name}' for development, which nothing of it imports`)
  return problems
}

/** Project references of TypeScript that are not the package's dependencies on other packages here. */
export function referenceProblems(manifest: Manifest, references: readonly string[]): string[] {
  const declared = Object.keys(manifest.dependencies ?? {})
    .filter(name => name.startsWith('@selvedge/'))
    .map(name => name.slice('@selvedge/'.length))
  const referred = references.map(path => path.replace(/\/$/, '').split('/').at(-1)!)
  return [
    ...declared.filter(name => !referred.includes(name)).map(name => `${manifest.name}: tsconfig.json does not refer to ${name}`),
    ...referred
      .filter(name => !declared.includes(name))
      .map(name => `${manifest.name}: tsconfig.json refers to ${name}, no dependency`)
  ]
}

/** Words and marks that must not be in the repository. */
export function textProblems(files: readonly SourceText[]): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, i) => {
      const rule = forbidden.find(({ pattern }) => pattern.test(line))
      return rule ? [`${path}:${i + 1} ${rule.problem}: ${line.trim().slice(0, 100)}`] : []
    })
  )
}

// Put together from parts, so that this file passes its own check.
const forbidden = [
  {
    pattern: new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`),
    problem: 'unfinished work'
  },
  { pattern: new RegExp(`eslint-${'disable'}|@ts-${'ignore'}|@ts-${'nocheck'}`), problem: 'a check is switched off' },
  {
    pattern: new RegExp(`(?<![\\w.~/-])/(${'work'}|${'home'}|${'root'}|${'Users'}|${'tmp'})/[\\w.-]`),
    problem: 'a path of one machine'
  },
  { pattern: /(?<!\w)[A-Z]:\\{1,2}Users\\/, problem: 'a path of one machine' }
]

const testRoots = ['it', 'test', 'describe', 'suite', 'bench']
const marks = ['only', 'skip', 'todo', 'fails', 'skipIf', 'runIf']

/** Tests that are run alone, and tests left out without a title that says why: `(skipped: …)` or `(needs …)`. */
export function testProblems(files: readonly SourceText[]): string[] {
  return files.flatMap(file => {
    const source = parse(file)
    const problems: string[] = []
    visit(source, node => {
      if (!ts.isCallExpression(node)) return
      const mark = markOf(node)
      if (mark === undefined) return
      const at = `${file.path}:${lineOf(source, node)}`
      if (mark === 'only') problems.push(`${at} runs one test alone (.only)`)
      else if (!/\((skipped: |needs )[^)]+\)/.test(titleOf(node)))
        problems.push(`${at} leaves a test out (.${mark}): say why in its title, as (skipped: …) or (needs …)`)
    })
    return problems
  })
}

// `it.skip('title')`, and `it.skipIf(condition)('title')`, where the call that carries the title is the outer one.
function markOf(call: ts.CallExpression): string | undefined {
  const callee = ts.isCallExpression(call.expression) ? call.expression.expression : call.expression
  const names: string[] = []
  let at: ts.Expression = callee
  while (ts.isPropertyAccessExpression(at)) {
    names.push(at.name.text)
    at = at.expression
  }
  if (!ts.isIdentifier(at) || !testRoots.includes(at.text)) return undefined
  const mark = names.find(name => marks.includes(name))
  const curried = mark === 'skipIf' || mark === 'runIf' || names.includes('each') || names.includes('for')
  return curried === ts.isCallExpression(call.expression) ? mark : undefined
}

function titleOf(call: ts.CallExpression): string {
  return call.arguments[0]?.getText() ?? ''
}
