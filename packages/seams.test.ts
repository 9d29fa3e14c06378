/**
 * The seams that lint keeps, shown to hold: what reads a clock, a timer, randomness, the disk or the network is refused in a
 * package's sources and accepted in its system adapters and tests; imports go down only.
 */
import { ESLint } from 'eslint'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')
// Rules that need types would build the whole program; the seams are a matter of syntax.
const eslint = new ESLint({
  cwd: root,
  overrideConfig: { languageOptions: { parserOptions: { project: false } } },
  ruleFilter: ({ ruleId }) => ruleId.startsWith('no-restricted-')
})

async function refusals(path: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: join(root, path) })
  return result!.messages.map(({ ruleId, message }) => ruleId ?? message)
}

const machine = [
  'Date.now()',
  'const { now } = Date',
  'new Date()',
  'new Date',
  'Date()',
  'performance.now()',
  'setTimeout(f, 1)',
  'globalThis.setInterval(f, 1)',
  'setImmediate(f)',
  'Math.random()',
  'crypto.getRandomValues(a)',
  'globalThis.crypto.randomUUID()',
  'fetch(url)',
  'new WebSocket(url)',
  'process.hrtime()',
  'process.env.HOME',
  'AbortSignal.timeout(5)',
  'console.log(1)',
  ...['fs', 'fs/promises', 'net', 'http', 'https', 'dgram', 'dns', 'tls', 'timers', 'timers/promises'].map(
    name => `import 'node:${name}'`
  ),
  ...['child_process', 'worker_threads', 'os', 'process', 'perf_hooks'].map(name => `import { x } from 'node:${name}'`),
  "import { randomBytes } from 'node:crypto'",
  "import { createHash, randomUUID } from 'node:crypto'",
  "import crypto from 'node:crypto'",
  "import * as crypto from 'node:crypto'",
  "import { webcrypto } from 'node:crypto'",
  "import { deflate } from 'node:zlib'",
  "export { readFile } from 'node:fs'",
  "import { WebSocket } from 'ws'",
  "import { Level } from 'level'",
  "import { createLibp2p } from 'libp2p'",
  "import { tcp } from '@libp2p/tcp'",
  "import { noise } from '@chainsafe/libp2p-noise'",
  "import pino from 'pino'",
  "await import('node:fs')",
  "await import('libp2p')",
  "await import('node:crypto')",
  'await import(name)'
]

const pure = [
  'new Date(5)',
  'Date.UTC(2026, 0, 1)',
  'queueMicrotask(f)',
  'clock.setTimer(5, f)',
  'random.bytes(4)',
  "import { createHash } from 'node:crypto'",
  "import { gzipSync, constants } from 'node:zlib'",
  "import { join } from 'node:path'",
  "import type { Libp2p } from 'libp2p'",
  "import { type KeyObject, sign } from 'node:crypto'",
  "await import('@automerge/automerge')"
]

describe('the seams', () => {
  it.each(machine)('refuse %s in a source, not in a system adapter nor a test', async code => {
    expect(await refusals('packages/store/src/a.ts', code)).not.toEqual([])
    expect(await refusals('packages/store/src/deep/a.ts', code)).not.toEqual([])
    for (const path of ['src/system/a.ts', 'src/deep/system/a.ts', 'src/a.test.ts', 'src/testing/a.ts'])
      expect(await refusals(`packages/store/${path}`, code), path).toEqual([])
    expect(await refusals('packages/cli/src/a.ts', code)).toEqual([])
    expect(await refusals('demos/campus/src/a.ts', code)).toEqual([])
  })

  it.each(pure)('accept %s', async code => {
    expect(await refusals('packages/store/src/a.ts', code)).toEqual([])
  })

  it('cannot be switched off in a file', async () => {
    const off = '/* eslint-' + 'disable */\nDate.now()'
    expect(await refusals('packages/store/src/a.ts', off)).toContain('no-restricted-properties')
  })
})

describe('imports', () => {
  const refused: [string, string][] = [
    ['packages/core/src/a.ts', '@selvedge/documents'],
    ['packages/documents/src/a.ts', '@selvedge/store'],
    ['packages/session/src/a.test.ts', '@selvedge/network'],
    ['packages/relay/src/a.ts', '@selvedge/site'],
    ['packages/relay/src/system/a.ts', '@selvedge/site'],
    ['packages/store/src/a.ts', '@selvedge/store'],
    ['packages/store/src/a.ts', '@selvedge/core/dist/bytes.js'],
    ['packages/store/src/a.ts', '../../core/src/bytes.js'],
    ['packages/store/src/deep/a.ts', '../../../core/src/testing/x.js'],
    ['packages/store/src/a.test.ts', '../../core/src/bytes.js'],
    ['packages/store/src/a.test.ts', '../../session/src/testing/x.js'],
    ['packages/store/src/system/a.ts', 'fs'],
    ['packages/cli/src/a.ts', '../../site/src/site.js'],
    ['demos/campus/src/a.ts', '@selvedge/site/src/site.js'],
    ['demos/campus/src/a.ts', '../../../packages/site/src/index.js']
  ]
  const accepted: [string, string][] = [
    ['packages/store/src/a.ts', '@selvedge/core'],
    ['packages/store/src/deep/a.ts', '../errors.js'],
    ['packages/store/src/a.test.ts', '../../core/src/testing/x.js'],
    ['packages/store/src/testing/a.ts', '../../../core/src/testing/x.js'],
    ['packages/replica/src/a.ts', '@selvedge/network'],
    ['packages/cli/src/a.ts', '@selvedge/relay'],
    ['demos/campus/src/a.ts', '@selvedge/site'],
    ['demos/campus/src/a.ts', '@selvedge/store']
  ]

  it.each(refused)('%s may not import %s', async (path, specifier) => {
    expect(await refusals(path, `import { x } from '${specifier}'`)).toEqual(['no-restricted-imports'])
  })

  it.each(accepted)('%s may import %s', async (path, specifier) => {
    expect(await refusals(path, `import { x } from '${specifier}'`)).toEqual([])
  })
})
