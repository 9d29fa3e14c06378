/** JSON files that people write: read with what is wrong told by its place, written whole or not at all. */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { SelvedgeError } from '@selvedge/core'
import { cliErrors } from './errors.js'

/** @throws SelvedgeError `CLI_FILE_UNREADABLE`, `CLI_FILE_INVALID` */
export function readJsonFile(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new SelvedgeError(cliErrors.fileUnreadable, `${file} can't be read: ${messageOf(cause)}`, { cause, details: { file } })
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw invalidFile(file, `it is not JSON: ${messageOf(cause)}`, cause)
  }
}

/** Replaces the file in one step, so that nobody reads half of it. `create`: refuses when it is there. */
export function writeJsonFile(file: string, json: unknown, { create = false } = {}): void {
  const text = `${JSON.stringify(json, null, 2)}\n`
  const draft = create ? file : `${file}.${process.pid}.new`
  try {
    writeFileSync(draft, text, { flag: 'wx' })
    if (!create) renameSync(draft, file)
  } catch (cause) {
    if (create && (cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new SelvedgeError(cliErrors.fileExists, `${file} is there already`, { cause, details: { file } })
    if (!create) rmSync(draft, { force: true })
    throw new SelvedgeError(cliErrors.fileUnreadable, `${file} can't be written: ${messageOf(cause)}`, {
      cause,
      details: { file }
    })
  }
}

export function invalidFile(file: string, problem: string, cause?: unknown): SelvedgeError {
  return new SelvedgeError(cliErrors.fileInvalid, `${file}: ${problem}`, {
    details: { file },
    ...(cause === undefined ? {} : { cause })
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
