/**
 * Three things are checked here: the usual mistakes, with types; that imports point one way only, by the table in
 * `packages/layers.json`; and the seams: nothing but a system adapter (`src/system/`) asks the machine for time, randomness, a
 * disk or a network, so that a simulator runs the real code. A rule is for every file it names: there are no inline exceptions.
 */
import { readFileSync } from 'node:fs'
import tseslint from 'typescript-eslint'

const layers = JSON.parse(readFileSync(new URL('packages/layers.json', import.meta.url), 'utf8'))

const tests = ['**/*.test.ts', '**/*.test-d.ts', '**/src/testing/**/*.ts']
// What a person starts by hand, and what checks the whole: it stands outside of the simulated world.
const outsidePackages = ['cli', 'benchmarks', 'endurance']
const outside = [...outsidePackages.map(name => `packages/${name}/**/*.ts`), 'demos/**/*.ts', 'packages/*.ts', '*.config.ts']

const mistakes = {
  'array-callback-return': 'error',
  eqeqeq: 'error',
  'no-async-promise-executor': 'error',
  'no-cond-assign': 'error',
  'no-constant-binary-expression': 'error',
  'no-debugger': 'error',
  'no-dupe-else-if': 'error',
  'no-duplicate-case': 'error',
  'no-empty': 'error',
  'no-empty-pattern': 'error',
  'no-extra-boolean-cast': 'error',
  'no-fallthrough': 'error',
  'no-irregular-whitespace': 'error',
  'no-loss-of-precision': 'error',
  'no-prototype-builtins': 'error',
  'no-self-assign': 'error',
  'no-self-compare': 'error',
  'no-sparse-arrays': 'error',
  'no-unassigned-vars': 'error',
  'no-unmodified-loop-condition': 'error',
  'no-unreachable-loop': 'error',
  'no-unsafe-finally': 'error',
  'no-unsafe-optional-chaining': 'error',
  'no-unused-labels': 'error',
  'no-useless-assignment': 'error',
  'no-useless-catch': 'error',
  'no-useless-escape': 'error',
  'preserve-caught-error': 'error',
  'require-yield': 'error',
  'use-isnan': 'error'
}

const typed = {
  '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
  '@typescript-eslint/no-import-type-side-effects': 'error',
  '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true }],
  '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: true }],
  '@typescript-eslint/no-misused-spread': 'error',
  '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
  '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  // Of a contract whose other implementations wait, one that need not is async all the same.
  '@typescript-eslint/require-await': 'off',
  // A decoder compares a byte from outside with an enum's members.
  '@typescript-eslint/no-unsafe-enum-comparison': 'off',
  // `NodeId | string` says more to a reader than `string`.
  '@typescript-eslint/no-redundant-type-constituents': 'off'
}

const fromEnvironment = 'Take it from the environment (Clock, Random, Logger, Store, Transport), or move this into src/system/.'

const seams = {
  'no-restricted-globals': [
    'error',
    {
      checkGlobalObject: true,
      globals: [
        'performance',
        'setTimeout',
        'setInterval',
        'setImmediate',
        'crypto',
        'fetch',
        'WebSocket',
        'EventSource',
        'XMLHttpRequest',
        'Worker',
        'BroadcastChannel',
        'navigator',
        'localStorage',
        'indexedDB',
        'process',
        'console'
      ].map(name => ({ name, message: fromEnvironment }))
    }
  ],
  'no-restricted-properties': [
    'error',
    { object: 'Date', property: 'now', message: fromEnvironment },
    { object: 'Math', property: 'random', message: fromEnvironment },
    { object: 'AbortSignal', property: 'timeout', message: `It sets a timer. ${fromEnvironment}` }
  ],
  'no-restricted-syntax': [
    'error',
    { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: `It reads the clock. ${fromEnvironment}` },
    { selector: 'CallExpression[callee.name="Date"]', message: `It reads the clock. ${fromEnvironment}` },
    { selector: 'ImportExpression:not([source.type="Literal"])', message: 'An import names what it imports.' }
  ]
}

// Of Node's modules those that compute; the rest waits, asks or changes the machine.
const pureModules = [
  'assert',
  'assert/strict',
  'async_hooks',
  'buffer',
  'crypto',
  'events',
  'path',
  'path/posix',
  'url',
  'util',
  'zlib'
]
const pureCrypto = [
  'createHash',
  'createHmac',
  'hash',
  'timingSafeEqual',
  'createPublicKey',
  'createPrivateKey',
  'sign',
  'verify'
]
const pureZlib = [
  ...['deflateSync', 'inflateSync', 'deflateRawSync', 'inflateRawSync', 'gzipSync', 'gunzipSync', 'unzipSync'],
  ...['brotliCompressSync', 'brotliDecompressSync', 'crc32', 'constants']
]
const machineModules = `^node:(?!(${pureModules.join('|')})$)`
const machinePackages = '^(ws|level|classic-level|libp2p|pino|https-proxy-agent)(/|$)|^@(libp2p|chainsafe)/'

const seamImports = {
  paths: [
    {
      name: 'node:crypto',
      allowImportNames: pureCrypto,
      allowTypeImports: true,
      message: `Only what computes. ${fromEnvironment}`
    },
    {
      name: 'node:zlib',
      allowImportNames: pureZlib,
      allowTypeImports: true,
      message: 'Only what ends in the same turn: the Sync forms.'
    }
  ],
  patterns: [
    { regex: machineModules, allowTypeImports: true, message: fromEnvironment },
    { regex: machinePackages, allowTypeImports: true, message: fromEnvironment }
  ]
}

// `import()` is seen by no import rule: only its first argument tells.
const seamDynamicImports = [machineModules, machinePackages, '^node:(crypto|zlib)$'].map(regex => ({
  selector: `ImportExpression[source.value=/${regex.replaceAll('/', '\\/')}/]`,
  message: fromEnvironment
}))

const everywhere = [
  {
    regex: '^@selvedge/(?!simulator/vitest$)[^/]+/.',
    message: 'Import the package itself: its index.ts is all that it promises.'
  },
  {
    regex:
      '^(assert|async_hooks|buffer|child_process|crypto|dgram|dns|events|fs|http|http2|https|net|os|path|perf_hooks|stream|timers|tls|url|util|worker_threads|zlib)(/|$)',
    message: 'Write node: before it.'
  }
]

/** What a file of package `name` may import: `testing` may use the testing folders of packages below, `seams` keeps to the seams. */
function imports(name, { testing, withSeams }) {
  const { mayImport, why } = layers[name]
  const below = mayImport.length ? `(${mayImport.join('|')})` : '(?!)'
  const beside = testing ? `(?!${below}/src/testing/)` : ''
  return {
    'no-restricted-imports': [
      'error',
      {
        paths: withSeams ? seamImports.paths : [],
        patterns: [
          ...everywhere,
          {
            regex: `^@selvedge/(?!${below}(/|$))`,
            message: `packages/${name} may import ${mayImport.join(', ') || 'no other package'}: ${why}.`
          },
          { regex: `^(\\.\\./)+${beside}([\\w-]+/)+(src|dist)/`, message: 'Another package is imported by its name.' },
          ...(withSeams ? seamImports.patterns : [])
        ]
      }
    ]
  }
}

const packageConfigs = Object.keys(layers).flatMap(name => {
  const all = `packages/${name}/src/**/*.ts`
  const withSeams = !outsidePackages.includes(name)
  return [
    { name: `selvedge/imports/${name}`, files: [all], rules: imports(name, { testing: false, withSeams }) },
    {
      name: `selvedge/imports/${name}/system`,
      files: [`packages/${name}/src/**/system/**/*.ts`],
      rules: imports(name, { testing: false, withSeams: false })
    },
    {
      name: `selvedge/imports/${name}/tests`,
      files: [`packages/${name}/src/**/*.test.ts`, `packages/${name}/src/**/*.test-d.ts`, `packages/${name}/src/testing/**/*.ts`],
      rules: imports(name, { testing: true, withSeams: false })
    }
  ]
})

const typeChecked = tseslint.configs.recommendedTypeChecked.map(config => ({ ...config, files: ['**/*.ts'] }))

export default [
  { ignores: ['**/dist/**', '**/node_modules/**', '**/coverage/**', '**/fixtures/**', '**/.selvedge/**'] },
  { linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' } },
  { name: 'selvedge/mistakes', rules: mistakes },
  ...typeChecked,
  {
    name: 'selvedge/types',
    files: ['**/*.ts'],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.check.json', './packages/simulator/page/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname
      }
    },
    rules: typed
  },
  {
    name: 'selvedge/file-length',
    files: ['packages/*/src/**/*.ts', 'demos/*/src/**/*.ts'],
    ignores: tests,
    rules: { 'max-lines': ['error', { max: 400 }] }
  },
  {
    name: 'selvedge/tests',
    files: tests,
    rules: {
      // `expect.any()` and its like are of type any.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/unbound-method': 'off'
    }
  },
  {
    name: 'selvedge/seams',
    files: ['packages/*/src/**/*.ts'],
    ignores: [...tests, ...outside, '**/src/**/system/**'],
    rules: {
      ...seams,
      'no-restricted-syntax': [...seams['no-restricted-syntax'], ...seamDynamicImports]
    }
  },
  ...packageConfigs,
  {
    name: 'selvedge/imports/demos',
    files: ['demos/**/*.ts', 'simulations/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            ...everywhere,
            { regex: '^(\\.\\./)+([\\w-]+/)+(src|dist)/', message: 'Demos and simulations use public entry points only.' }
          ]
        }
      ]
    }
  }
]
