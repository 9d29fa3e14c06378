/** The codes that an answer to bad bytes may carry: all that the packages explain, but for those that own up to a fault. */
import { coreErrors } from '@selvedge/core'
import { documentErrors, pointErrors, tableErrors } from '@selvedge/documents'
import { closeCodes, networkErrors } from '@selvedge/network'
import { relayErrors } from '@selvedge/relay'
import { controlErrors, replicaErrors } from '@selvedge/replica'
import { sessionErrors } from '@selvedge/session'
import { siteErrors } from '@selvedge/site'
import { storeErrors } from '@selvedge/store'

const faults: ReadonlySet<string> = new Set([sessionErrors.internal, controlErrors.internal])

export const expectedCodes: ReadonlySet<string> = new Set(
  [
    coreErrors,
    tableErrors,
    documentErrors,
    pointErrors,
    sessionErrors,
    networkErrors,
    closeCodes,
    storeErrors,
    replicaErrors,
    controlErrors,
    siteErrors,
    relayErrors
  ]
    .flatMap(codes => Object.values<string>(codes))
    .filter(code => !faults.has(code))
)
