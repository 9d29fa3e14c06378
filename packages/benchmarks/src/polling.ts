/** Waiting for another process to say that it is so. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Asks again every 100 ms until the answer will do, and gives that answer. @throws Error after `timeoutMs` */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  willDo: (answer: T) => boolean,
  timeoutMs = 300_000
): Promise<T> {
  for (const start = performance.now(); ;) {
    const answer = await ask()
    if (willDo(answer)) return answer
    if (performance.now() - start > timeoutMs) throw new Error(`${what} did not come about: ${JSON.stringify(answer)}`)
    await sleep(100)
  }
}
