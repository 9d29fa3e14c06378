/** Temporary directories on a real disk, and what disk that is. */
import { mkdtemp, readdir, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Runs `fn` with a new directory that is removed afterwards. */
export async function withDirectory<T>(fn: (path: string) => Promise<T>): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), 'selvedge-bench-'))
  try {
    return await fn(path)
  } finally {
    await rm(path, { recursive: true, force: true })
  }
}

const names: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x794c7630: 'overlayfs',
  0x2fc12fc1: 'zfs'
}

/** The file system of the temporary directory, as a reader needs to know it. */
export async function fileSystem(): Promise<string> {
  const { type } = await statfs(tmpdir())
  return names[type] ?? `file system 0x${type.toString(16)}`
}

/** Bytes of the files in a directory and below. */
export async function directoryBytes(path: string): Promise<number> {
  let bytes = 0
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true }))
    if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name)).catch(() => undefined))?.size ?? 0
  return bytes
}
