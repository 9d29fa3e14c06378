/** Failures with the codes and words of LevelDB, by which the store tells them apart. */

function levelError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

export const fullDisk = (): Error => levelError('LEVEL_IO_ERROR', 'IO error: 000003.log: No space left on device')
export const brokenDisk = (): Error => levelError('LEVEL_IO_ERROR', 'IO error: 000003.log: Input/output error')
export const corruption = (): Error => levelError('LEVEL_CORRUPTION', 'Corruption: bad record in MANIFEST')
