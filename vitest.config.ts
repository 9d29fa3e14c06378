import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { mutantPlugin } from './packages/simulator/src/testing/mutant-plugin.js'

export default defineConfig({
  plugins: [mutantPlugin()],
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'import', 'default'] } },
  resolve: { conditions: ['source', 'module', 'node', 'import', 'default'] },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*.test.ts', 'demos/*/src/**/*.test.ts', 'simulations/**/*.test.ts'],
    // The examples of READMEs are written there as TypeScript, which Node itself would not load.
    server: { deps: { inline: [/\/node_modules\/\.cache\/readme-examples\//] } },
    // Many tests wait for processes and disks: on a small machine one worker would leave half of it idle.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // Against what never ends, not what is slow: how long a test takes is the machine's affair, and a busy one takes ten times as long.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } }
  }
})
