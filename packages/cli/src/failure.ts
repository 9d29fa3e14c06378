/** What a person is told of a failure: what happened, its code, and what to do next; and the exit code that tells a script. */
import { CommanderError } from 'commander'
import { isSelvedgeError } from '@selvedge/core'
import { cliErrors } from './errors.js'
import { printable } from './output/text.js'

export const exitCodes = { ok: 0, failed: 1, usage: 2, notRunning: 3 } as const

/** A command has told everything, and ends with this code. */
export class Ended extends Error {
  constructor(readonly exitCode: number) {
    super(`the command ended with ${exitCode}`)
  }
}

export interface Failure {
  /** For standard error, ending in a newline; '' when it has been told already. */
  readonly text: string
  readonly exitCode: number
}

const notRunning = ['CONTROL_NOT_RUNNING', 'CONTROL_CLOSED', 'CONTROL_LOST']
const usage: readonly string[] = [
  cliErrors.optionMissing,
  cliErrors.fileInvalid,
  cliErrors.fileUnreadable,
  'CONTROL_REQUEST_INVALID'
]

export function failureOf(error: unknown): Failure {
  if (error instanceof Ended) return { text: '', exitCode: error.exitCode }
  if (error instanceof CommanderError) return { text: '', exitCode: error.exitCode === 0 ? exitCodes.ok : exitCodes.usage }
  if (!isSelvedgeError(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { text: `selvedge: ${text}\n`, exitCode: exitCodes.failed }
  }
  const { code, message, details } = error
  const advice = adviceFor(code, details)
  return {
    text: `selvedge: ${printable(message)} (${code})\n${advice === undefined ? '' : `  ${advice}\n`}`,
    exitCode: notRunning.includes(code) ? exitCodes.notRunning : usage.includes(code) ? exitCodes.usage : exitCodes.failed
  }
}

function adviceFor(code: string, details: Readonly<Record<string, unknown>>): string | undefined {
  const detail = (name: string): string => {
    const value = details[name]
    return typeof value === 'string' ? printable(value) : name.toUpperCase()
  }
  switch (code) {
    case 'CONTROL_NOT_RUNNING':
      return `start a node with "selvedge node --data ${detail('directory')} …", or name another directory with --data or SELVEDGE_DATA`
    case 'CONTROL_CLOSED':
    case 'CONTROL_LOST':
      return 'ask again once it runs'
    case 'CONTROL_DENIED':
      return 'run this as the user who runs the node'
    case 'CONTROL_SOCKET_BUSY':
    case 'STORE_LOCKED':
      return 'a node runs on that directory already: "selvedge status" asks it; give the other one a directory of its own'
    case 'CONTROL_POINT_ABSENT':
      return '"selvedge get" lists what there is; --space looks into another space'
    case 'CONTROL_DOCUMENT_UNKNOWN':
      return '"selvedge config list" and "selvedge doc list" tell which there are'
    case 'CONTROL_REQUEST_INVALID':
      return details['field'] === 'site' ? 'name it with --site' : undefined
    case 'RECEIPT_ABORTED':
      return 'the write stands and goes on being replicated: "selvedge get" tells how far it got'
    case 'SITE_NODE_NOT_LISTED':
      return `add it with "selvedge roster add ROSTER NAME ${detail('node')}"`
    case 'SHADOW_UNKNOWN':
      return '"selvedge held-back" lists what is; --slot names one of a composite, --space another space'
    case 'CONFLICT_UNKNOWN':
      return '"selvedge conflicts" lists them with their ids'
    case 'CONFIG_HEADS_UNKNOWN':
      return '"selvedge config history" lists the changes'
    default:
      return undefined
  }
}
