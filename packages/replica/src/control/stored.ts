/** How long an edit's answer waits for the disk: until the disk has it, is seen to fail, or has taken too long. */
import { SelvedgeError } from '@selvedge/core'
import { replicaErrors } from '../errors.js'
import type { ControlledSpace } from './controlled-space.js'
import type { ControlRequest } from './router.js'

const storedWithinMs = 10_000

/** @throws SelvedgeError `RECEIPT_ABORTED`: the edit stands in memory, and goes on to the peers and to the disk */
export function whenStored<T>(
  work: Promise<T>,
  { api }: ControlledSpace,
  request: Pick<ControlRequest, 'within'>,
  withinMs = storedWithinMs
): Promise<T> {
  const signal = request.within(withinMs)
  return new Promise((resolve, reject) => {
    const gaveUp = (): void => {
      unwatch()
      reject(new SelvedgeError(replicaErrors.receiptAborted, 'the edit stands here, but the disk has not taken it yet'))
    }
    const unwatch = api.replica.onDegraded(gaveUp)
    signal.addEventListener('abort', gaveUp, { once: true })
    work.then(resolve, reject).finally(unwatch)
  })
}
