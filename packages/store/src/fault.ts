/** What Level's errors mean for a store. */
import { SelvedgeError, isSelvedgeError } from '@selvedge/core'
import { storeErrors } from './errors.js'

interface Cause {
  code: string
  message: string
}

/** A failure of Level or of the file system as a `SelvedgeError` of this package's codes. */
export function storeFault(error: unknown, location: string): SelvedgeError {
  if (isSelvedgeError(error)) return error
  const { code, message } = rootCause(error)
  const said = (text: string): string => `${text} (${location}: ${message})`
  const options = { cause: error, details: { location } }
  if (code === 'LEVEL_LOCKED') {
    const advice = 'stop the other process that uses it, or give this one a directory of its own'
    return new SelvedgeError(storeErrors.locked, `the directory ${location} is in use: ${advice}`, options)
  }
  if (code === 'LEVEL_CORRUPTION') return new SelvedgeError(storeErrors.corrupt, said('the stored files are damaged'), options)
  if (isFull(error)) return new SelvedgeError(storeErrors.full, said('the disk is full: free some space'), options)
  if (unusableCodes.has(code) || /Permission denied|Read-only file system|Not a directory/i.test(message))
    return new SelvedgeError(
      storeErrors.unusable,
      said('the directory can not be used: it must be one that this process may write'),
      options
    )
  return new SelvedgeError(storeErrors.io, said('the disk fails'), options)
}

const unusableCodes = new Set(['EEXIST', 'ENOTDIR', 'EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG'])

/** Whether there was no room to write. */
export function isFull(error: unknown): boolean {
  const { code, message } = rootCause(error)
  return code === 'ENOSPC' || code === 'EDQUOT' || /No space left|quota exceeded/i.test(message)
}

/**
 * Whether an opening or the reading of every record failed in a way that a repair may mend: damage that Level names as such, or
 * files that its own records speak of and that are gone, too short or unreadable.
 */
export function isDamage(error: unknown): boolean {
  if (isSelvedgeError(error)) return error.code === storeErrors.corrupt
  const { code, message } = rootCause(error)
  if (code === 'LEVEL_CORRUPTION') return true
  return code === 'LEVEL_IO_ERROR' && /No such file|Invalid argument|Input\/output error|Is a directory/i.test(message)
}

/** Whether what looks like damage may have been the disk's way for a moment only: a cable, a controller that starts anew. */
export function mayPass(error: unknown): boolean {
  return /Input\/output error/i.test(rootCause(error).message)
}

/** Whether a call failed only because the database was closed under it. */
export function isClosedUnder(error: unknown): boolean {
  const { code } = rootCause(error)
  return code === 'LEVEL_DATABASE_NOT_OPEN' || code === 'LEVEL_ITERATOR_NOT_OPEN'
}

// Level wraps the reason of a failed opening as the cause of LEVEL_DATABASE_NOT_OPEN.
function rootCause(error: unknown): Cause {
  let at = error
  for (let depth = 0; depth < 4 && at instanceof Error && at.cause instanceof Error; depth++) at = at.cause
  const code = at instanceof Error && 'code' in at && typeof at.code === 'string' ? at.code : ''
  return { code, message: at instanceof Error ? at.message : String(at) }
}
