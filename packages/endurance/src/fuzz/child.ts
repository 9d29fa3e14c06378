/**
 * The process in which a target is worn out: `child.js TARGET SEED FROM TO NOTES [TIME_MS]`. It writes the number of each input into
 * the file NOTES before it takes it, so that one which kills or stops the process can be named from outside.
 */
import { openSync, writeSync } from 'node:fs'
import { serialisedFinding, type ChildMessage } from './child-messages.js'
import { runPass } from './pass.js'
import { targetNamed } from './targets/index.js'

const progressIntervalMs = 500

function floorBytes(): number {
  const collect = globalThis.gc
  if (!collect) throw new Error('the child is started with --expose-gc')
  // Twice: what finalizers let go of in the first is collected in the second.
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function main(): Promise<void> {
  const [name, seed, from, to, notes, timeMs] = process.argv.slice(2)
  const send = (message: ChildMessage): void => void process.send!(message)
  const file = openSync(notes!, 'w')
  const note = new Float64Array(1)
  const startedMs = performance.now()
  let toldMs = startedMs
  // Libraries print what they make of bad input: a million lines of it tell nobody anything.
  console.log = console.warn = console.info = () => {}
  const result = await runPass(targetNamed(name!)!, {
    seed: Number(seed),
    from: Number(from),
    to: Number(to),
    floor: floorBytes,
    noted: number => {
      note[0] = number
      writeSync(file, note, 0, 8, 0)
    },
    progress: done => {
      if (performance.now() - toldMs < progressIntervalMs) return
      toldMs = performance.now()
      send({ progress: done })
    },
    ...(timeMs === undefined ? {} : { enough: () => performance.now() - startedMs > Number(timeMs) })
  })
  const { finding, ...rest } = result
  process.send!(
    {
      result: { ...rest, rssBytes: process.memoryUsage.rss(), finding: finding && serialisedFinding(finding) }
    } satisfies ChildMessage,
    () => process.exit(0)
  )
}

process.once('disconnect', () => process.exit(1))
await main()
