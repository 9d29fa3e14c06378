/**
 * The examples of the READMEs, against the packages as they are: each compiles, and those marked `ts run` run to their end
 * without throwing. A failure names the README and the line.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { examplesOf, fileNameOf, problemsOf, type Example } from './readme-examples.js'

const root = join(import.meta.dirname, '..')
// Below the root's node_modules, so that packages are found as a user's program finds them. One folder for each run at a time.
const folder = join(root, 'node_modules', '.cache', 'readme-examples', `${process.pid}`)

function compile(files: Record<string, string>): Promise<string> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const config = {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: { noEmit: true, customConditions: ['source'], declaration: false, declarationMap: false },
    files: Object.keys(files)
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(root, 'node_modules', 'typescript-7', 'bin', 'tsc')
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      // 1 and 2 tell of problems found; anything else is the compiler's own failure.
      if (error && error.code !== 1 && error.code !== 2) reject(new Error(`tsc failed: ${stderr}`, { cause: error }))
      else resolve(stdout)
    })
  })
}

// Without this an example that imports nothing would be a script, whose names every other script shares.
function moduleText({ code }: Example): string {
  return `${code}\nexport {}\n`
}

function compileExamples(examples: readonly Example[]): Promise<string> {
  return compile(Object.fromEntries(examples.map(example => [fileNameOf(example), moduleText(example)])))
}

/** Executes an example to its end; what it prints is for its reader. */
async function run(example: Example): Promise<void> {
  const path = join(folder, fileNameOf(example))
  writeFileSync(path, moduleText(example))
  const print = vi.spyOn(console, 'log').mockReturnValue(undefined)
  try {
    await import(path)
  } catch (cause) {
    throw new Error(`the example at ${example.readme}:${example.line} failed: ${String(cause)}`, { cause })
  } finally {
    print.mockRestore()
  }
}

const readmes = ['README.md', ...readdirSync(join(root, 'packages')).map(name => `packages/${name}/README.md`)]
const examples = readmes
  .filter(path => existsSync(join(root, path)))
  .flatMap(path => examplesOf(path, readFileSync(join(root, path), 'utf8')))

beforeAll(() => {
  mkdirSync(folder, { recursive: true })
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('the check of examples', () => {
  const readme = [
    '# Title',
    '```ts',
    'a',
    '```',
    'text',
    '```sh',
    'b',
    '```',
    '````ts run',
    '```',
    'c',
    '````',
    '```',
    'd',
    '```'
  ].join('\n')

  it('finds the blocks marked ts, with their lines', () => {
    expect(examplesOf('packages/x/README.md', readme)).toEqual([
      { readme: 'packages/x/README.md', line: 3, code: 'a', run: false },
      { readme: 'packages/x/README.md', line: 10, code: '```\nc', run: true }
    ])
  })

  it('refuses what it would otherwise pass over', () => {
    expect(() => examplesOf('README.md', '\n```ts\nx')).toThrow('README.md:2 opens a block that does not end')
    expect(() => examplesOf('README.md', '```ts runs\n```')).toThrow("README.md:1 marks a block 'ts runs'")
    expect(examplesOf('README.md', '```tsx\n```')).toEqual([])
  })

  it('tells of a wrong example with the line of the README, and of no sound one', async () => {
    const bad = examplesOf('packages/bad/README.md', "# Bad\n```ts\nimport { siteId } from '@selvedge/core'\n\nsiteId(5)\n```\n")
    const stray = examplesOf('packages/bad/README.md', "text\n\n\n```ts\nimport { nothing } from '@selvedge/core'\n```")
    const sound = examplesOf('packages/good/README.md', "```ts\nimport { siteId } from '@selvedge/core'\nsiteId('hq')\n```")
    const all = [...bad, ...stray, ...sound]
    expect(problemsOf(all, await compileExamples(all))).toEqual([
      expect.stringMatching(/^packages\/bad\/README\.md:5 error TS2345/),
      expect.stringMatching(/^packages\/bad\/README\.md:5 error TS2305/)
    ])
  })
})

describe('the run of examples', () => {
  it('fails with the place of an example that throws, and runs a sound one to its end', async () => {
    const bad = examplesOf(
      'packages/bad/README.md',
      '# Run\n```ts run\nconst early: number = 1\nthrow new Error(`no ${early}`)\n```'
    )
    await expect(run(bad[0]!)).rejects.toThrow('the example at packages/bad/README.md:3 failed: Error: no 1')
    const sound = examplesOf('packages/good/README.md', '```ts run\nconsole.log(await Promise.resolve(1))\n```')
    await expect(run(sound[0]!)).resolves.toBeUndefined()
  })
})

describe('the examples', () => {
  it('are there', () => {
    expect(examples.length).toBeGreaterThan(0)
  })

  it('compile', async () => {
    expect(problemsOf(examples, await compileExamples(examples)).join('\n')).toBe('')
  })

  it.each(examples.filter(({ run }) => run).map(example => ({ ...example, at: `${example.readme}:${example.line}` })))(
    '$at runs',
    run
  )
})
