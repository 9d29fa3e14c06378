#!/usr/bin/env node

try {
  await import('../dist/main.js')
} catch (error) {
  // In a checkout that was never built; any other module that is missing is told as it is.
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.url?.endsWith('/cli/dist/main.js')) throw error
  process.stderr.write('selvedge: this checkout is not built yet: run "npm run build" in it first\n')
  process.exitCode = 1
}
