/**
 * Room set aside for an opening on a full disk: LevelDB can't open without writing, at most all of its logs once more as tables. The
 * ballast is a file of that size beside the database, let go when an opening finds the disk full and taken back once it is open.
 */
import { randomBytes } from 'node:crypto'
import { open, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@selvedge/core'

const name = 'BALLAST'
/** Made only where so many times its size is free: the last room of a small disk is the store's. */
const plenty = 4
/** A file system may refuse a whole write of which only a part has room: then it is tried with less, down to the least. */
const chunkBytes = { most: 1024 * 1024, least: 64 * 1024 }

export class Ballast {
  private readonly path: string

  constructor(
    private readonly directory: string,
    readonly bytes: number,
    private readonly log: Logger
  ) {
    this.path = join(directory, name)
  }

  /** Makes it, or what it lacks, where there is plenty of room. A store without it works, so a failure is only logged. */
  async make(): Promise<void> {
    const before = await this.size()
    if (before >= this.bytes) return
    try {
      const { bavail, bsize } = await statfs(this.directory)
      if (bavail * bsize < plenty * this.bytes) return
      if ((await this.fill()) >= this.bytes) return
      // A quota, of which the file system says nothing when it is asked for its room.
      await this.letGo()
    } catch (error) {
      await this.letGo().catch(() => undefined)
      this.log.warn({ error, path: this.path }, 'no ballast could be made: on a full disk this store would not open')
    }
  }

  /** Frees its room; whether there was any. */
  async letGo(): Promise<boolean> {
    const size = await this.size()
    await rm(this.path, { force: true })
    return size > 0
  }

  /** Takes back what was let go, as much as there is: whatever filled the disk would take it otherwise. */
  async takeBack(): Promise<void> {
    const bytes = await this.fill().catch((error: unknown) => {
      this.log.warn({ error, path: this.path }, 'the ballast could not be taken back')
      return 0
    })
    if (bytes < this.bytes)
      this.log.warn({ path: this.path, bytes, wanted: this.bytes }, 'the ballast was taken back only in part')
  }

  private async size(): Promise<number> {
    return (await stat(this.path).catch(() => undefined))?.size ?? 0
  }

  /** Writes until it is whole or the disk is full; what it has then. */
  private async fill(): Promise<number> {
    // Noise: a file system that compresses would set no room aside for zeros.
    const noise = randomBytes(chunkBytes.most)
    const file = await open(this.path, 'a')
    try {
      let { size } = await file.stat()
      for (let chunk = chunkBytes.most; size < this.bytes && chunk >= chunkBytes.least;)
        try {
          size += (await file.write(noise, 0, Math.min(chunk, this.bytes - size))).bytesWritten
        } catch (error) {
          if (!isNoRoom(error)) throw error
          chunk /= 2
        }
    } finally {
      await file.close()
    }
    return this.size()
  }
}

function isNoRoom(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}
