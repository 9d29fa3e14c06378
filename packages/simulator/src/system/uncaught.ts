/** What simulated code throws with nobody to catch it: in a real process it would be the end of the process. */

/** Calls `told` for each rejection that nobody handles, until the returned function is called; whoever listened before waits meanwhile. */
export function uncaught(told: (error: unknown) => void): () => void {
  const before = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', told)
  return () => {
    process.off('unhandledRejection', told)
    for (const listener of before) process.on('unhandledRejection', listener)
  }
}
