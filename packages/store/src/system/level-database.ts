/**
 * A LevelDB directory on the disk, made safe to open: its tables are checked and mended first (see level-table.ts), a damaged one is
 * repaired or moved aside when the store asks for it, and nothing is touched while another process has it.
 */
import { Level } from 'level'
import { constants } from 'node:fs'
import { access, mkdir, open, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import type { Logger } from '@selvedge/core'
import { isFull } from '../fault.js'
import { inspectTable } from '../level-table.js'
import type { LevelDatabase, LevelOperation, LevelRange, LevelSource, OpenedLevel, Recovery } from '../level-source.js'
import { Ballast } from './ballast.js'
import { WatermarkFile } from './watermark-file.js'

const encodings = { keyEncoding: 'utf8', valueEncoding: 'view' } as const

const levelOptions = {
  ...encodings,
  // A table whose index is compressed could not be mended; and what is stored has been packed above.
  compression: false,
  writeBufferSize: 4 * 1024 * 1024
} as const

/** Databases moved aside that are kept; the last one makes room for a further one. */
const asideMax = 8
/** Table files moved aside that are kept. */
const lostTablesMax = 16
const watermarkName = 'WATERMARK'
/** Of two logs, each the write buffer and one group of batches more, which an opening turns into tables; and what else it writes. */
export const ballastBytes = 2 * (levelOptions.writeBufferSize + 4 * 1024 * 1024) + 1024 * 1024
/** Written and removed to see whether there is room. */
const roomName = 'ROOM'
const roomBytesMin = 64 * 1024
/** Holds the number of repairs that were begun and not ended: LevelDB's can abort the process. */
const repairsName = 'REPAIRS-BEGUN'
/** After so many of them the database is held for one that no repair gets past. */
const repairsMax = 3

type Database = Level<string, Uint8Array>

export class LevelDirectory implements LevelSource {
  readonly location: string
  readonly watermark: WatermarkFile
  private readonly ballast: Ballast

  constructor(
    directory: string,
    private readonly log: Logger
  ) {
    this.location = resolve(directory)
    this.watermark = new WatermarkFile(join(this.location, watermarkName))
    this.ballast = new Ballast(this.location, ballastBytes, log)
  }

  async open(recovery: Recovery): Promise<OpenedLevel> {
    try {
      const opened = await this.openOnce(recovery)
      await this.ballast.make()
      return opened
    } catch (error) {
      if (!isFull(error) || !(await this.ballast.letGo())) throw error
    }
    this.log.warn({ location: this.location }, 'the disk is full: the ballast is let go while the database is opened')
    try {
      return { ...(await this.openOnce(recovery)), full: true }
    } finally {
      await this.ballast.takeBack()
    }
  }

  private async openOnce(recovery: Recovery): Promise<OpenedLevel> {
    await makeDirectory(this.location)
    await access(this.location, constants.R_OK | constants.W_OK | constants.X_OK)
    let damage: string | undefined
    if (recovery === 'replace') damage = `it could not be opened and was moved to ${await this.moveAside()}`
    const names = await readdir(this.location)
    if (names.includes('CURRENT') || names.some(isLevelFile)) {
      // LevelDB would take it for a new database, and delete the tables of the old one.
      if (recovery === 'none' && !names.includes('CURRENT')) throw damaged('the file CURRENT is missing')
      await this.mendTables(names)
      if (recovery === 'repair') {
        await this.repair()
        damage = 'it could not be opened and was repaired'
      }
    } else {
      const earlier = (await this.movedAside()).at(-1)
      if (earlier !== undefined) damage ??= `it is new, and an earlier one was moved to ${earlier}`
    }
    const database = await openDatabase(this.location)
    if (names.includes(repairsName)) await rm(join(this.location, repairsName), { force: true })
    return { database, damage }
  }

  async room(): Promise<void> {
    let bytes = roomBytesMin
    // An opening turns each log into a table.
    for (const name of await readdir(this.location))
      if (name.endsWith('.log')) bytes += (await stat(join(this.location, name)).catch(() => undefined))?.size ?? 0
    await this.tryWriting(bytes)
  }

  /**
   * Throws unless so many bytes reach the disk. A disk that takes no writes for a while fails an opening with the words of a damaged one;
   * nothing is given up over that: not the database, nor the tables that a repair would leave out.
   */
  private async tryWriting(bytes: number): Promise<void> {
    const path = join(this.location, roomName)
    const file = await open(path, 'w')
    try {
      await file.writeFile(new Uint8Array(bytes))
      await file.sync()
    } finally {
      await file.close()
      await rm(path, { force: true })
    }
  }

  /** Rewrites what LevelDB knows of its files from the files themselves. What it could not use stays in the directory `lost`. */
  private async repair(): Promise<void> {
    await this.assertUnlocked()
    await this.tryWriting(roomBytesMin)
    const marker = join(this.location, repairsName)
    const begun = Number(await readFile(marker, 'utf8').catch(() => '0')) || 0
    if (begun >= repairsMax) throw damaged(`${begun} repairs of it were begun and none came to its end`)
    await this.moveEmptyTablesAside()
    await writeFile(marker, String(begun + 1))
    // Of one repair after another only what the latest one could not use is kept.
    await rm(join(this.location, 'lost'), { recursive: true, force: true })
    // The binding has it as a static method, which the types of `level` leave out because browsers lack it.
    const { repair } = Level as unknown as { repair: (this: void, location: string) => Promise<void> }
    await repair(this.location)
    await rm(marker, { force: true })
  }

  /** LevelDB's repair aborts the whole process over a table without records, such as one whose blocks were all left out. */
  private async moveEmptyTablesAside(): Promise<void> {
    for (const name of (await readdir(this.location)).filter(isTable)) {
      const table = await inspectFile(join(this.location, name))
      if (table.state === 'sound' && table.empty) await this.moveTableAside(name)
    }
  }

  private async mendTables(names: readonly string[]): Promise<void> {
    const suspects: string[] = []
    for (const name of names.filter(isTable))
      if ((await inspectFile(join(this.location, name))).state !== 'sound') suspects.push(name)
    if (suspects.length === 0) return
    // Another process may be writing a table just now: only who could have the lock may change one.
    await this.assertUnlocked()
    for (const name of suspects) await this.mendTable(name)
  }

  private async mendTable(name: string): Promise<void> {
    const path = join(this.location, name)
    const table = await inspectFile(path)
    if (table.state === 'damaged') {
      const { blocks, blocksLost } = table
      this.log.error({ path, blocks, blocksLost }, 'a table file is damaged: its damaged blocks are left out')
      await writeAtomically(path, table.mended)
    } else if (table.state === 'lost') {
      // Often only a table that a crash left unfinished, which LevelDB does not miss. If it does, a repair goes on without it.
      this.log.warn({ path }, 'a table file can not be read and is moved aside')
      await this.moveTableAside(name)
    }
  }

  private async moveTableAside(name: string): Promise<void> {
    const directory = join(this.location, 'lost-tables')
    await mkdir(directory, { recursive: true })
    for (const old of (await readdir(directory)).sort().slice(lostTablesMax - 1)) await rm(join(directory, old))
    await rename(join(this.location, name), join(directory, name))
  }

  /** LevelDB takes its lock before it looks at anything else, and then fails on either option: so this changes nothing. */
  private async assertUnlocked(): Promise<void> {
    const probe: Database = new Level(this.location, { ...levelOptions, createIfMissing: false, errorIfExists: true })
    try {
      await probe.open()
    } catch (error) {
      if (error instanceof Error && error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'LEVEL_LOCKED')
        throw error
    } finally {
      await probe.close()
    }
  }

  /** Where earlier databases were moved, oldest first. */
  private async movedAside(): Promise<string[]> {
    const paths: string[] = []
    for (let n = 1; n <= asideMax; n++)
      for (const path of this.asidePaths(n)) if (await stat(path).catch(() => undefined)) paths.push(path)
    return paths
  }

  private asidePaths(n: number): [beside: string, within: string] {
    return [join(dirname(this.location), `${basename(this.location)}.corrupt-${n}`), join(this.location, `corrupt-${n}`)]
  }

  private async moveAside(): Promise<string> {
    await this.assertUnlocked()
    await this.tryWriting(roomBytesMin)
    const taken = (await this.movedAside()).length
    const [beside, within] = this.asidePaths(Math.min(taken + 1, asideMax))
    await this.ballast.letGo()
    await rm(beside, { recursive: true, force: true })
    try {
      await rename(this.location, beside)
      await mkdir(this.location)
      return beside
    } catch (error) {
      // The directory is a mount point, or the one above is not ours: its files go one level down instead.
      this.log.warn({ error, within }, 'the directory of a damaged database can not be renamed')
    }
    await rm(within, { recursive: true, force: true })
    await mkdir(within)
    for (const name of await readdir(this.location))
      if (!name.startsWith('corrupt-')) await rename(join(this.location, name), join(within, name))
    return within
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true })
  } catch (error) {
    // What Node says when the file system is read-only: a plain mkdir tells the reason.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
    await mkdir(path)
  }
}

function isTable(name: string): boolean {
  return /^\d+\.(ldb|sst)$/.test(name)
}

function isLevelFile(name: string): boolean {
  return isTable(name) || /^\d+\.log$/.test(name) || /^MANIFEST-\d+$/.test(name)
}

/** A failure that Level would report were it to look. */
function damaged(message: string): Error {
  return Object.assign(new Error(message), { code: 'LEVEL_CORRUPTION' })
}

async function inspectFile(path: string): Promise<ReturnType<typeof inspectTable>> {
  try {
    return inspectTable(await readFile(path))
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // Deleted since it was listed; or on a bad sector, which LevelDB would meet through a memory map, and die of.
    if (code === 'ENOENT') return { state: 'sound', empty: false }
    if (code === 'EIO' || code === 'EISDIR') return { state: 'lost' }
    throw error
  }
}

async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}.mending`
  const file = await open(draft, 'w')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}

async function openDatabase(location: string): Promise<LevelDatabase> {
  const level: Database = new Level(location, levelOptions)
  try {
    await level.open()
  } catch (error) {
    // Frees the native handle of an opening that failed.
    await level.close()
    throw error
  }
  return {
    get: key => level.get(key, encodings),
    entries: (range: LevelRange) => level.iterator({ ...range, ...encodings }),
    batch: (operations: LevelOperation[]) => level.batch(operations, { ...encodings, sync: true }),
    close: () => level.close()
  }
}
