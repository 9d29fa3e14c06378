/** FAULTS.md against the code: every test that it names is there, and a README speaks of every code. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const packages = import.meta.dirname

/** All READMEs: that a code which is thrown has a heading of its own there is checked by `architecture.test.ts`. */
function explained(): string {
  return readdirSync(packages, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('README.md') && !/(^|\/)(node_modules|dist)\//.test(path))
    .map(path => readFileSync(join(packages, path), 'utf8'))
    .join('\n')
}

/** Titles of tests, as they are written: those of `it.each` with their placeholders. */
function titlesOf(source: string): Set<string> {
  return new Set([...source.matchAll(/\b(?:it|test)(?:\.each\([^\n]*\))?\(\s*'([^'\n]+)'/g)].map(([, title]) => title!))
}

/** What is wrong with the rows of a page: tests that are not there, rows without one, codes that no README speaks of. */
function faultProblems(page: string, readmes: string): string[] {
  const rows = page.split('\n').filter(line => line.startsWith('|') && !/^\| (what happens|---)/.test(line))
  if (rows.length === 0) return ['there are no rows']
  return rows.flatMap(row => {
    const [fault = '', outcome = '', shown = ''] = row
      .slice(1, -1)
      .split(' | ')
      .map(cell => cell.trim())
    const [, file, title] = /^`([^`]+)`: (.+)$/.exec(shown) ?? []
    if (!file || !title) return [`${fault}: names no test`]
    const path = join(packages, file)
    if (!existsSync(path)) return [`${fault}: there is no ${file}`]
    const problems = titlesOf(readFileSync(path, 'utf8')).has(title) ? [] : [`${fault}: ${file} has no test '${title}'`]
    for (const [, code] of outcome.matchAll(/`([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)`/g))
      if (!readmes.includes(code!)) problems.push(`${fault}: no README explains ${code}`)
    return problems
  })
}

describe('FAULTS.md', () => {
  it('names tests that are there, and codes that READMEs explain', () => {
    expect(faultProblems(readFileSync(join(packages, 'FAULTS.md'), 'utf8'), explained())).toEqual([])
  })

  it('is refused where it does not', () => {
    const row = (outcome: string, shown: string): string => `| a fault | ${outcome} | ${shown} |`
    const check = (outcome: string, shown: string): string[] => faultProblems(row(outcome, shown), explained())
    expect(check('`STORE_FULL`', '`site/src/faults.test.ts`: that is missing is made')).toEqual([])
    expect(check('', 'nothing')).toEqual(['a fault: names no test'])
    expect(check('', '`site/src/gone.test.ts`: x')).toEqual(['a fault: there is no site/src/gone.test.ts'])
    expect(check('', '`site/src/faults.test.ts`: x')).toEqual(["a fault: site/src/faults.test.ts has no test 'x'"])
    expect(check('`NO_SUCH_CODE`', '`site/src/faults.test.ts`: that is missing is made')).toEqual([
      'a fault: no README explains NO_SUCH_CODE'
    ])
    expect(faultProblems('text', '')).toEqual(['there are no rows'])
  })
})
