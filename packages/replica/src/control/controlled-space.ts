/** The spaces that a control API is about, as a node and a relay both can give them, and what every route of a space needs. */
import type { NodeId } from '@selvedge/core'
import type { AnyPointSchema } from '@selvedge/documents'
import type { DurabilityLevel, Receipt } from '../receipts.js'
import type { SpaceApi } from '../space-api.js'
import type { WriteAnswer } from './answers.js'
import { duration, oneOf, optional, text } from './fields.js'
import type { ControlRequest } from './router.js'

export interface ControlledSpace {
  readonly site: string
  /** Short name: `state`. */
  readonly name: string
  readonly api: SpaceApi
  /** For units and kinds of points; absent: any path and value is taken. */
  readonly schema?: AnyPointSchema | undefined
  nameOf(node: NodeId): string
}

export interface ControlledSpaces {
  /**
   * A space by its short name; `site` is undefined where a request names none: a node then means its own, a relay refuses.
   * @throws SelvedgeError `SPACE_UNKNOWN` or another that ends in `_UNKNOWN`
   */
  space(name: string, site: string | undefined): ControlledSpace | Promise<ControlledSpace>
  /** Every space that is open, of one site or of all. */
  open(site: string | undefined): Iterable<ControlledSpace> | Promise<Iterable<ControlledSpace>>
}

/** Fields that say which space. */
export const inSpace = { site: optional(text), space: optional(text) }

/** Fields that say how far a write must have got before it is answered. Without `timeoutMs` as long as the client waits. */
export const whenWritten = { durable: optional(oneOf('local', 'site', 'relay')), timeoutMs: optional(duration) }

export interface SpaceChosen {
  readonly site: string | undefined
  readonly space: string | undefined
}

/** The spaces that a request is about: one if it names one, else all. */
export async function chosenSpaces(spaces: ControlledSpaces, { site, space }: SpaceChosen): Promise<ControlledSpace[]> {
  return space === undefined ? [...(await spaces.open(site))] : [await spaces.space(space, site)]
}

/** @throws SelvedgeError `RECEIPT_ABORTED`: the write stands all the same */
export async function written(
  receipt: Receipt,
  { durable, timeoutMs }: { durable: DurabilityLevel | undefined; timeoutMs: number | undefined },
  request: ControlRequest
): Promise<WriteAnswer> {
  if (durable) await receipt.durable(durable, { signal: timeoutMs === undefined ? request.signal : request.within(timeoutMs) })
  return { dot: receipt.dot, shadowed: receipt.shadowed, reached: receipt.reached() }
}

/** The unit of a point, as its definition says. */
export function unitOf({ schema }: ControlledSpace, path: string): { unit?: string } {
  const definition = schema?.find(path)?.definition
  const measured = definition?.type === 'priority' ? definition.value : definition
  const unit = measured?.type === 'number' ? measured.unit : undefined
  return unit === undefined ? {} : { unit }
}
