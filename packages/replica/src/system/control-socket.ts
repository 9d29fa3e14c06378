/**
 * Where the control socket of a data directory is. A Unix socket's path is limited to about a hundred bytes, so that for a longer
 * one a socket in a private directory of the system's temporary directory stands in, and `control.path` names it. On Windows it is
 * a named pipe, named after the directory.
 *
 * A socket file outlives a process that was killed. It is removed only when connecting to it is refused, and only if it is still the
 * same file: two nodes that start at one time can't remove each other's.
 */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
  type BigIntStats
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { isMainThread } from 'node:worker_threads'
import { SelvedgeError } from '@selvedge/core'
import { controlErrors } from '../control/errors.js'

const socketName = 'control.sock'
const pointerName = 'control.path'
const temporaryPrefix = 'selvedge-'
// sun_path without its closing zero byte.
const pathBytesMax = process.platform === 'darwin' ? 103 : 107
const connectTimeoutMs = 2_000

/**
 * Where a server of `directory` is to listen. The directory, and a private one for a socket elsewhere, are made.
 * @throws SelvedgeError `CONTROL_SOCKET_BUSY`, `CONTROL_SOCKET_FAILED`
 */
export async function chooseSocket(directory: string): Promise<string> {
  const root = resolve(directory)
  if (process.platform === 'win32') return pipeOf(root)
  mkdirSync(root, { recursive: true })
  const before = readPointer(root)
  if (before !== undefined) {
    await removeStaleSocket(before)
    forgetPointer(root)
  }
  const direct = join(root, socketName)
  if (Buffer.byteLength(direct) <= pathBytesMax) return direct
  const elsewhere = join(mkdtempSync(join(tmpdir(), temporaryPrefix)), socketName)
  if (Buffer.byteLength(elsewhere) > pathBytesMax) {
    rmdirSync(dirname(elsewhere))
    throw new SelvedgeError(
      controlErrors.socketFailed,
      `neither ${root} nor ${tmpdir()} is short enough for a socket (${pathBytesMax} bytes): choose a shorter data directory or TMPDIR`,
      { details: { directory: root } }
    )
  }
  try {
    writeFileSync(join(root, pointerName), `${elsewhere}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    rmdirSync(dirname(elsewhere))
    throw codeOf(error) === 'EEXIST' ? busy(join(root, pointerName)) : error
  }
  return elsewhere
}

/** Where a client of `directory` connects to. */
export function findSocket(directory: string): string {
  const root = resolve(directory)
  if (process.platform === 'win32') return pipeOf(root)
  return readPointer(root) ?? join(root, socketName)
}

/** Removes what {@link chooseSocket} made for a socket elsewhere. */
export function forgetSocket(directory: string, address: string): void {
  if (process.platform === 'win32') return
  const root = resolve(directory)
  if (readPointer(root) === address) forgetPointer(root)
}

/**
 * Makes way for a new socket at `address`.
 * @throws SelvedgeError `CONTROL_SOCKET_BUSY` when a living process has it, `CONTROL_SOCKET_FAILED` when it is no socket
 */
export async function removeStaleSocket(address: string): Promise<void> {
  const found = statOf(address)
  if (!found) return
  if (!found.isSocket())
    throw new SelvedgeError(controlErrors.socketFailed, `${address} is in the way and is no socket: move it away`, {
      details: { address }
    })
  if (!(await isRefused(address))) throw busy(address)
  const aside = `${address}.${process.pid}`
  try {
    renameSync(address, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  const moved = statOf(aside)
  if (moved && !isSame(moved, found)) {
    // Another process made its own in the meantime: it gets it back.
    linkSync(aside, address)
    unlinkSync(aside)
    throw busy(address)
  }
  // Not `rmSync`, for which Node first loads a module: this is on the way of every start after a crash.
  if (moved) unlinkSync(aside)
}

export function busy(address: string): SelvedgeError {
  return new SelvedgeError(
    controlErrors.socketBusy,
    `another process serves ${address}: one node runs on a data directory at a time`,
    { details: { address } }
  )
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Whether nobody listens there any more. Any other outcome, a full queue of connections too, means that somebody may. */
function isRefused(address: string): Promise<boolean> {
  return new Promise(done => {
    const socket = connect(address)
    const end = (refused: boolean): void => {
      socket.destroy()
      done(refused)
    }
    socket.setTimeout(connectTimeoutMs, () => end(false))
    socket.once('connect', () => end(false))
    socket.once('error', error => end(['ECONNREFUSED', 'ENOENT'].includes(codeOf(error) ?? '')))
  })
}

// A socket's modification time stays as it was made; its inode number alone is soon used again.
function isSame(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.mtimeNs === b.mtimeNs
}

function statOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function readPointer(root: string): string | undefined {
  try {
    return readFileSync(join(root, pointerName), 'utf8').trim() || undefined
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

// The directory that it names is removed only if it looks like one that was made here.
function forgetPointer(root: string): void {
  const address = readPointer(root)
  if (address === undefined) return
  const directory = dirname(address)
  rmSync(join(root, pointerName), { force: true })
  if (basename(address) !== socketName || !basename(directory).startsWith(temporaryPrefix)) return
  try {
    if (statOf(address)?.isSocket()) unlinkSync(address)
    rmdirSync(directory)
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EPERM', 'EACCES'].includes(codeOf(error) ?? '')) throw error
  }
}

function pipeOf(root: string): string {
  return `\\\\.\\pipe\\selvedge-${createHash('sha256').update(root.toLowerCase()).digest('hex').slice(0, 32)}`
}

/**
 * Starts listening, so that only the owner may connect. A socket is made in the same turn as `listen` is called, so the mask is
 * not seen by anybody else's files. (A worker thread can't set it: there the mode is set a moment later.)
 */
export function listenPrivately(listen: () => void): void {
  if (process.platform === 'win32' || !isMainThread) return listen()
  const mask = process.umask(0o177)
  try {
    listen()
  } finally {
    process.umask(mask)
  }
}

/** Once it listens: whatever the mask did, the mode is 0600. */
export function protectSocket(address: string): void {
  if (process.platform !== 'win32') chmodSync(address, 0o600)
}
