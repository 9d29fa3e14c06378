import { defineConfig } from 'vitest/config'

export default defineConfig({
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'import', 'default'] } },
  resolve: { conditions: ['source', 'module', 'node', 'import', 'default'] },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*.test.ts', 'demos/*/src/**/*.test.ts'],
    // The examples of READMEs are written there as TypeScript, which Node itself would not load.
    server: { deps: { inline: [/\/node_modules\/\.cache\/readme-examples\//] } },
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
})
