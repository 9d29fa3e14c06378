import { defineConfig } from 'vitest/config'

export default defineConfig({
  ssr: { resolve: { conditions: ['source', 'module', 'node', 'import', 'default'] } },
  resolve: { conditions: ['source', 'module', 'node', 'import', 'default'] },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*.test.ts', 'demos/*/src/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000
  }
})
