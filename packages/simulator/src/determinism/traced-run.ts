/** One run that visits all kinds of code, for the meta-test: the same seed must give the same events, in any process. */
import { allKinds } from '../faults/index.js'
import { mutationScenario } from '../mutants/mutation-scenario.js'
import { drawPlan } from '../plan/draw-plan.js'
import { runPlan } from '../plan/run-plan.js'
import type { AnyScenario, Scenario } from '../plan/scenario.js'
import type { Run } from '../run.js'

export interface TracedRun {
  readonly seed: number
  readonly events: number
  /** Over every event, every byte on a wire, and what stands in the replicas at the end. */
  readonly hash: string
  /** The hash after each so many events: by it two runs are told where they part. */
  readonly marks: readonly string[]
}

const markEvery = 1_000

/** Every operation and every kind of fault, close upon one another. */
const everything: AnyScenario = (mutationScenario as Scenario)
  .named('everything at once')
  .lasts('20s')
  .swarm({ kinds: allKinds, every: '2s', upTo: '10s' })
  .onlyChecks()

export async function tracedRun(seed: number): Promise<TracedRun> {
  const marks: string[] = []
  let watched: Run | undefined
  const result = await runPlan(everything, drawPlan(everything, seed), {
    watch: run => {
      watched = run
      const { trace } = run.world.kernel
      return {
        afterEvent: () => {
          if (marks.length < Math.floor(trace.events / markEvery)) marks.push(trace.hash)
        },
        operation: () => undefined
      }
    }
  })
  const { kernel, nodes } = watched!.world
  for (const { open } of nodes)
    for (const name of open?.spaceNames ?? [])
      kernel.trace.note(kernel.nowMs, 'held', JSON.stringify(open!.space(name).replica.table.hash()))
  kernel.trace.note(kernel.nowMs, 'found', result.finding?.sentence ?? '')
  return { seed, events: kernel.trace.events, hash: kernel.trace.hash, marks }
}
