import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { closeCodes, networkErrors } from './errors.js'

/** Packages that a module loads when it is imported, through all modules of this package; `await import` does not count. */
function loads(module: string, seen = new Set<string>()): Set<string> {
  const url = new URL(module, import.meta.url)
  if (seen.has(url.href)) return new Set()
  seen.add(url.href)
  const packages = new Set<string>()
  const statements = readFileSync(url, 'utf8').matchAll(/^(?:import|export)\s+(?!type\b)(?:[^;'"]*?\bfrom\s+)?'([^']+)'/gm)
  for (const [, specifier] of statements) {
    if (!specifier!.startsWith('.')) packages.add(specifier!)
    else for (const name of loads(new URL(specifier!.replace(/\.js$/, '.ts'), url).href, seen)) packages.add(name)
  }
  return packages
}

test('importing the package does not load libp2p, which costs 84 MB', () => {
  const heavy = (module: string) => [...loads(module)].filter(name => /libp2p|multiaddr/.test(name))
  expect(heavy('./index.ts')).toEqual([])
  expect(heavy('./system/libp2p-mesh.ts')).toContain('libp2p')
  expect([...loads('./index.ts')]).toContain('ws')
})

test('the README explains every error and every close code, and no others', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const section = (title: string) => readme.split(/^## /m).find(text => text.startsWith(title)) ?? ''
  const headings = (title: string) => [...section(title).matchAll(/^### ([A-Z_]+)$/gm)].map(match => match[1]!)
  expect(headings('Errors').sort()).toEqual(Object.values(networkErrors).sort())
  expect(headings('Close codes').sort()).toEqual(Object.values(closeCodes).sort())
})
