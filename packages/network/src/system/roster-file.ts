/** Reads roster files: the only part of rosters that touches the disk. */
import { readFileSync } from 'node:fs'
import { SelvedgeError, type SiteId } from '@selvedge/core'
import { networkErrors } from '../errors.js'
import { parseRoster, parseRosters, type Roster } from '../roster.js'

/** @throws SelvedgeError `ROSTER_UNREADABLE`, `ROSTER_INVALID` (with the file and the place in it) */
export function loadRoster(file: string): Roster {
  return inFile(file, () => parseRoster(read(file)))
}

/** A relay's rosters, by site. @throws SelvedgeError `ROSTER_UNREADABLE`, `ROSTER_INVALID` */
export function loadRosters(file: string): ReadonlyMap<SiteId, Roster> {
  return inFile(file, () => parseRosters(read(file)))
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause)
    throw new SelvedgeError(networkErrors.rosterUnreadable, `the roster ${file} can't be read: ${problem}`, {
      cause,
      details: { file }
    })
  }
}

function inFile<T>(file: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof SelvedgeError) || error.code !== networkErrors.rosterInvalid) throw error
    throw new SelvedgeError(error.code, `${file}: ${error.message}`, { cause: error, details: { ...error.details, file } })
  }
}
