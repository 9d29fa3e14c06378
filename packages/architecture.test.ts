/**
 * The shape of the repository: which package may import which, error codes and their explanations, dependencies, and nothing
 * unfinished. First the checks themselves are shown to fail for what is bad, then they are run over everything there is.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  cycleProblems,
  dependencyProblems,
  directionProblems,
  importsOf,
  referenceProblems,
  testProblems,
  textProblems,
  type Layers,
  type Manifest,
  type SourceText
} from './architecture.js'
import { codeProblems, definedCodes, duplicates, useProblems } from './error-codes.js'

function file(path: string, ...lines: string[]): SourceText {
  return { path, text: lines.join('\n') }
}

describe('the checks', () => {
  const layers: Layers = {
    core: { mayImport: [], why: 'it is the base' },
    store: { mayImport: ['core'], why: 'it stands on core' }
  }

  it('see every way of importing', () => {
    const source = file(
      'packages/store/src/a.ts',
      "import { a } from 'a'",
      "import type { B } from 'b'",
      "export * from 'c'",
      "import 'd'",
      "const e = await import('e')",
      "type F = import('f').F",
      "const text = \"import { g } from 'g'\" // import 'h'"
    )
    expect(importsOf(source)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'].map((specifier, i) => ({ specifier, line: i + 1 })))
  })

  it.each([
    ['packages/core/src/a.ts', '@selvedge/store', 'core may import no other package: it is the base'],
    ['packages/store/src/a.ts', '@selvedge/store', 'store may import core: it stands on core'],
    ['packages/store/src/a.test.ts', '@selvedge/relay', 'store may import core'],
    ['packages/new/src/a.ts', '@selvedge/core', 'does not say what new may import'],
    ['packages/store/src/a.ts', '@selvedge/core/src/bytes.js', 'by its name alone'],
    ['packages/store/src/a.ts', '../../core/src/bytes.js', 'by its name'],
    ['packages/store/src/a.ts', '../../core/src/testing/x.js', 'by its name'],
    ['packages/store/src/a.test.ts', '../../core/src/bytes.js', 'by its name'],
    ['packages/core/src/a.test.ts', '../../store/src/testing/x.js', 'no other package'],
    ['demos/campus/src/a.ts', '../../../packages/core/src/index.js', 'by its name'],
    ['demos/campus/src/a.ts', '@selvedge/core/src/bytes.js', 'by its name alone']
  ])('direction: %s may not import %s', (path, specifier, problem) => {
    expect(directionProblems([file(path, '', `import {} from '${specifier}'`)], layers)).toEqual([
      expect.stringMatching(new RegExp(`^${path}:2 imports '${specifier}': .*${problem}`))
    ])
  })

  it.each([
    ['packages/store/src/a.ts', '@selvedge/core'],
    ['packages/store/src/deep/a.ts', '../index.js'],
    ['packages/store/src/a.test.ts', '../../core/src/testing/x.js'],
    ['packages/store/src/testing/a.ts', '../../../core/src/testing/x.js'],
    ['packages/store/src/a.ts', 'node:crypto'],
    ['demos/campus/src/a.ts', '@selvedge/store'],
    ['demos/campus/src/a.ts', '@selvedge/simulator/vitest']
  ])('direction: %s may import %s', (path, specifier) => {
    expect(directionProblems([file(path, `import {} from '${specifier}'`)], layers)).toEqual([])
  })

  it('find cycles, of one file and of several, and none in a diamond', () => {
    const root = 'packages/store/src'
    const a = file(`${root}/a.ts`, "import './deep/b.js'")
    const b = file(`${root}/deep/b.ts`, "export * from '../c.js'")
    expect(cycleProblems([a, b, file(`${root}/c.ts`, "import type { A } from './a.js'")])).toEqual([
      `import cycle: ${root}/a.ts → ${root}/deep/b.ts → ${root}/c.ts → ${root}/a.ts`
    ])
    expect(cycleProblems([file(`${root}/a.ts`, "import './a.js'")])).toHaveLength(1)
    const top = file(`${root}/top.ts`, "import './a.js'", "import './c.js'")
    expect(cycleProblems([top, a, b, file(`${root}/c.ts`, "import 'a'")])).toEqual([])
  })

  it('compare dependencies with imports, both ways', () => {
    const manifest: Manifest = {
      name: '@selvedge/store',
      dependencies: { '@selvedge/core': '1', level: '1', yjs: '1' },
      devDependencies: { tape: '1', zod: '1' }
    }
    const source = file(
      'packages/store/src/a.ts',
      "import '@selvedge/core'",
      "import 'level/x.js'",
      "import 'ws'",
      "import 'vitest'"
    )
    const test = file(
      'packages/store/src/a.test.ts',
      "import 'vitest'",
      "import 'fast-check'",
      "import 'yjs'",
      "import 'tape'",
      "import 'node:fs'"
    )
    expect(dependencyProblems(manifest, [source, test], ['vitest'])).toEqual([
      "packages/store/src/a.ts:3 imports 'ws', which @selvedge/store does not depend on",
      "packages/store/src/a.ts:4 imports 'vitest', which @selvedge/store does not depend on",
      "packages/store/src/a.test.ts:2 imports 'fast-check', which @selvedge/store does not depend on",
      "@selvedge/store depends on 'yjs', which no source of it imports",
      "@selvedge/store depends on 'zod' for development, which nothing of it imports"
    ])
    const peers: Manifest = { name: '@selvedge/store', private: true, devDependencies: { ws: '1' } }
    expect(dependencyProblems(peers, [file('packages/store/src/a.ts', "import 'ws'", "import 'level'")], [])).toEqual([
      "packages/store/src/a.ts:2 imports 'level', which @selvedge/store does not depend on"
    ])
    expect(referenceProblems(manifest, ['../documents'])).toEqual([
      '@selvedge/store: tsconfig.json does not refer to core',
      '@selvedge/store: tsconfig.json refers to documents, no dependency'
    ])
    expect(referenceProblems(manifest, ['../core/'])).toEqual([])
  })

  const errors = file(
    'packages/store/src/errors.ts',
    '/** Codes. */',
    'export const storeErrors = {',
    "  full: 'STORE_FULL',",
    "  locked: 'STORE_LOCKED'",
    '} as const',
    "const hiddenErrors = { x: 'HIDDEN' }",
    "export const others = { x: 'OTHER' }"
  )

  it('compare codes with headings, both ways', () => {
    const readme = file(
      'packages/store/README.md',
      '### STORE_FULL',
      '## Errors',
      '### `STORE_LOCKED`',
      '### STORE_OLD',
      '### A word'
    )
    expect(codeProblems([errors], [readme])).toEqual([
      "packages/store/src/errors.ts:3 STORE_FULL has no heading '### STORE_FULL' under '## Errors' in packages/store/README.md",
      'packages/store/README.md:4 explains STORE_OLD, which no errors.ts of the package has'
    ])
    expect(codeProblems([errors], [])).toHaveLength(2)
    expect(codeProblems([errors], [])[0]).toContain('a README.md, which is missing')
    const right = file('packages/store/README.md', '## Errors', '### STORE_FULL', '### STORE_LOCKED', '## Other', '### OTHER')
    expect(codeProblems([errors], [right])).toEqual([])
    const again = file('packages/store/src/level/README.md', '## Errors', '### STORE_FULL')
    expect(codeProblems([errors], [right, again])).toEqual([
      'packages/store/src/level/README.md:2 STORE_FULL is explained already at packages/store/README.md:2'
    ])
  })

  it('refuse codes that are none', () => {
    const bad = file(
      'packages/store/src/errors.ts',
      "export const aErrors = { a: 'lower_case', ...others, [b]: 'B', c: `C` }",
      'export const bErrors = makeErrors()'
    )
    expect(definedCodes([bad]).problems).toHaveLength(4)
    expect(definedCodes([errors]).codes.map(({ code, member }) => [code, member])).toEqual([
      ['STORE_FULL', 'storeErrors.full'],
      ['STORE_LOCKED', 'storeErrors.locked']
    ])
    expect(duplicates([...definedCodes([errors]).codes, { code: 'STORE_FULL', at: 'b.ts:1' }], 'is defined')).toEqual([
      'b.ts:1 STORE_FULL is defined already at packages/store/src/errors.ts:3'
    ])
  })

  it('find codes spelled out, and codes unused', () => {
    const source = file('packages/store/src/a.ts', '', "throw new SelvedgeError('STORE_FULL', 'x')", 'f(storeErrors.fullest)')
    const test = file('packages/store/src/a.test.ts', "new SelvedgeError('X', 'y')", 'f(storeErrors.full)')
    expect(useProblems(definedCodes([errors]).codes.slice(0, 1), [source, test])).toEqual([
      "packages/store/src/a.ts:2 spells a code out: take it from the package's errors.ts",
      'packages/store/src/errors.ts:3 STORE_FULL: nothing uses storeErrors.full'
    ])
    const sound = file('packages/store/src/a.ts', 'throw new SelvedgeError(storeErrors.full, x)')
    expect(useProblems(definedCodes([errors]).codes.slice(0, 1), [sound])).toEqual([])
  })

  it.each([
    `// ${'TO'}${'DO'}: later`,
    `// eslint-${'disable'}-next-line`,
    `// @ts-${'ignore'}`,
    `const path = '/${'home'}/someone/x'`,
    `see /${'tmp'}/out.log`,
    `(/${'root'}/x)`,
    `C:\\${'Users'}\\x`
  ])('refuse the text %j', text => {
    expect(textProblems([file('a.ts', 'const fine = 1', text)])).toEqual([expect.stringMatching(/^a\.ts:2 /)])
  })

  it.each(['hq/work/shop', 'https://example.org/home/x', '/var/lib/selvedge', 'a TODOLIST', './tmp/x', '@ts-expect-error'])(
    'accept the text %j',
    text => {
      expect(textProblems([file('a.ts', text)])).toEqual([])
    }
  )

  it('find tests that are run alone, or left out without a reason', () => {
    const bad = [
      "it.only('x', f)",
      "describe.skip('x', f)",
      "it.skipIf(slow)('x', f)",
      "it.concurrent.only('x', f)",
      "describe.only.each([1])('x', f)",
      "it.todo('x')"
    ]
    for (const line of bad)
      expect(testProblems([file('a.test.ts', '', line)])).toEqual([expect.stringMatching(/^a\.test\.ts:2 /)])
    const good = [
      "it.skip('x (skipped: the disk is absent)', f)",
      "it.skipIf(no)('x (needs Linux)', f)",
      'reader.skip(4)',
      "it('only', f)"
    ]
    expect(testProblems([file('a.test.ts', ...good)])).toEqual([])
  })
})

const root = join(import.meta.dirname, '..')
const leftOut = ['node_modules', 'dist', 'coverage', '.git', 'package-lock.json']

function readTree(directory: string, pattern: RegExp): SourceText[] {
  if (!existsSync(join(root, directory))) return []
  return readdirSync(join(root, directory), { withFileTypes: true }).flatMap(entry => {
    if (leftOut.includes(entry.name)) return []
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return readTree(path, pattern)
    if (!entry.isFile() || !pattern.test(entry.name)) return []
    return [{ path: relative('.', path).split(sep).join('/'), text: readFileSync(join(root, path), 'utf8') }]
  })
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}

function workspaces(folder: string): string[] {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder)).filter(
    name => statSync(join(root, folder, name)).isDirectory() && name !== 'node_modules'
  )
}

/** Shows every problem on a line of its own, and says what was expected. */
function expectNone(problems: readonly string[]): void {
  expect(problems.join('\n')).toBe('')
}

const layers = readJson('packages/layers.json') as Layers
const rootDev = Object.keys((readJson('package.json') as { devDependencies: Record<string, string> }).devDependencies)

describe('the packages', () => {
  const sources = readTree('packages', /\.ts$/).filter(({ path }) => /^packages\/[^/]+\/src\//.test(path))

  it('are those of the table of layers, which has no cycle', () => {
    expect(workspaces('packages')).toEqual(Object.keys(layers).sort())
    const order = Object.keys(layers)
    for (const [name, { mayImport, why }] of Object.entries(layers)) {
      expect(why, name).not.toBe('')
      for (const below of mayImport) expect(order.indexOf(below), `${name} imports ${below}`).toBeLessThan(order.indexOf(name))
    }
  })

  it('have codes of their own, each used', () => {
    const { codes } = definedCodes(sources)
    expectNone([...duplicates(codes, 'is defined'), ...useProblems(codes, sources)])
  })

  describe.each(workspaces('packages'))('%s', name => {
    const own = sources.filter(({ path }) => path.startsWith(`packages/${name}/`))
    const manifest = readJson(`packages/${name}/package.json`) as Manifest

    it('has src/index.ts and README.md', () => {
      expectNone(
        ['src/index.ts', 'README.md']
          .filter(path => !existsSync(join(root, 'packages', name, path)))
          .map(path => `packages/${name}/${path} is missing`)
      )
    })

    it('imports what lies below it only', () => {
      expectNone(directionProblems(own, layers))
    })

    it('has no import cycle', () => {
      expectNone(cycleProblems(own))
    })

    it('depends on what it imports, all of it and no more', () => {
      const config = readJson(`packages/${name}/tsconfig.json`) as { references?: { path: string }[] }
      expectNone(dependencyProblems(manifest, own, rootDev))
      expectNone(referenceProblems(manifest, config.references?.map(({ path }) => path) ?? []))
    })

    it('explains every error code in its README, and no other', () => {
      expectNone(codeProblems(own, readTree(`packages/${name}`, /^README\.md$/)))
    })
  })
})

describe.each(workspaces('demos'))('the demo %s', name => {
  const own = readTree(`demos/${name}/src`, /\.ts$/)

  it('uses public entry points only, and depends on what it imports', () => {
    expect(own, `demos/${name}/src has no source`).not.toEqual([])
    expectNone([
      ...directionProblems(own, layers),
      ...cycleProblems(own),
      ...dependencyProblems(readJson(`demos/${name}/package.json`) as Manifest, own, rootDev)
    ])
  })
})

describe('the repository', () => {
  const text = /\.(ts|js|mjs|cjs|json|md|html|css|yml|yaml|toml|sh)$|^run$|^[A-Z]+$/
  const everything = ['packages', 'demos', 'docs', 'simulations', '.ci'].flatMap(folder => readTree(folder, text))
  const atRoot = readdirSync(root, { withFileTypes: true })
    .filter(entry => entry.isFile() && text.test(entry.name) && !leftOut.includes(entry.name))
    .map(({ name }) => ({ path: name, text: readFileSync(join(root, name), 'utf8') }))

  it('has nothing unfinished, no check switched off, and no path of one machine', () => {
    expect(everything.length).toBeGreaterThan(20)
    expectNone(textProblems([...atRoot, ...everything]))
  })

  it('runs every test, or says why not', () => {
    expectNone(testProblems(everything.filter(({ path }) => path.endsWith('.test.ts'))))
  })
})
