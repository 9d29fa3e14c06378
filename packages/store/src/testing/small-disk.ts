/** For tests: a disk of a few megabytes that can be filled. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { TestContext } from 'vitest'
import { temporaryDirectory } from './temporary-directory.js'

const run = promisify(execFile)

/** A disk of its own in memory. Skips the test where mounting is not permitted, but fails it in CI. */
export async function mountSmallDisk(
  context: TestContext,
  afterwards: (cleanup: () => unknown) => void,
  size = '32m'
): Promise<string> {
  const { path, remove } = await temporaryDirectory()
  afterwards(remove)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path])
  } catch (error) {
    if (process.env['CI']) throw error
    return context.skip(`mounting a tmpfs is not permitted here: ${String(error)}`)
  }
  afterwards(() => run('umount', ['-l', path]))
  return path
}

/** Writes a file until no byte more finds room. */
export async function fillUp(path: string): Promise<void> {
  for (let size = 1 << 20; size >= 512; size >>= 1) {
    try {
      for (;;) await writeFile(path, new Uint8Array(size), { flag: 'a' })
    } catch (error) {
      if ((error as { code?: string }).code !== 'ENOSPC') throw error
    }
  }
}
