/** Makes an input that breaks a property smaller, as long as it breaks it in the same way. */
import type { Input, OpenTarget } from './target.js'

const attemptsMax = 4_000

export async function minimised(target: OpenTarget, input: Input, error: unknown): Promise<Input> {
  const wanted = kindOf(error)
  let best = input
  let attempts = 0
  const tryInput = async (candidate: Input): Promise<boolean> => {
    if (attempts++ >= attemptsMax) return false
    try {
      await target.take(candidate)
      return false
    } catch (again) {
      if (kindOf(again) !== wanted) return false
      best = candidate
      return true
    }
  }
  // What broke it may have been left by earlier inputs: then it is told whole.
  if (!(await tryInput(input))) return input
  for (let at = best.length - 1; at >= 0; at--) if (best.length > 1) await tryInput(best.filter((_, i) => i !== at))
  for (let message = 0; message < best.length; message++) {
    for (let size = best[message]!.length >> 1; size >= 1; size >>= 1) {
      for (let at = 0; at < best[message]!.length;) {
        const bytes = best[message]!
        const shorter = new Uint8Array(bytes.length - Math.min(size, bytes.length - at))
        shorter.set(bytes.subarray(0, at))
        shorter.set(bytes.subarray(at + size), at)
        if (!(await tryInput(best.with(message, shorter)))) at += size
      }
    }
  }
  return best
}

/** Two findings are the same when they differ in numbers and quoted text at most. */
function kindOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name} ${error.message}` : String(error)
  return text.replace(/"[^"]*"|\d+/g, '#')
}
