/** Checks the content of a config document where an edit is made, never on a merge. */
import { SelvedgeError, assert } from '@selvedge/core'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import { documentErrors } from './errors.js'

/** A Standard Schema (https://standardschema.dev; synchronous), or a function that says what is wrong, or `undefined`. */
export type ConfigValidation = StandardSchemaV1 | ((content: unknown) => string | undefined)

/** @throws SelvedgeError `CONFIG_INVALID` */
export function checkConfig(id: string, content: unknown, validation: ConfigValidation | undefined): void {
  const problem = validation && configProblem(content, validation)
  if (problem !== undefined)
    throw new SelvedgeError(documentErrors.configInvalid, `the config ${id} would not be valid: ${problem}`, {
      details: { id, problem }
    })
}

function configProblem(content: unknown, validation: ConfigValidation): string | undefined {
  // A Standard Schema may itself be callable, so its mark is looked for first.
  if (!('~standard' in validation)) return validation(content)
  const result = validation['~standard'].validate(content)
  assert(!(result instanceof Promise), 'the schema of a config must validate synchronously')
  if (!result.issues) return undefined
  return result.issues.map(issue => describe(issue)).join('; ')
}

function describe(issue: StandardSchemaV1.Issue): string {
  const path = (issue.path ?? []).map(segment => String(typeof segment === 'object' ? segment.key : segment)).join('.')
  return path === '' ? issue.message : `${path}: ${issue.message}`
}
