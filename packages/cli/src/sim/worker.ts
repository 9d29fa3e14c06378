/** A worker process: it loads scenarios, and runs what the command tells it to, one after the other. It ends with the command. */
import {
  drawPlan,
  recordBeside,
  runPlan,
  shrink,
  timelineAssets,
  timelinePage,
  type AnyScenario,
  type Plan,
  type RunResult,
  type ShrinkProgress
} from '@selvedge/simulator'
import type { Answers, News, Order } from './protocol.js'
import { loadScenarios } from './scenario-file.js'

const files = new Map<string, ReadonlyMap<string, AnyScenario>>()
/** A story is told of failures alone; this much of it is sent. */
const linesMax = 400

async function answer(order: Order): Promise<Answers[keyof Answers]> {
  const scenarios = await scenariosOf(order.file)
  if (order.type === 'list')
    return [...scenarios.values()].map(({ name, definition: { shows, moments } }) => ({
      file: order.file,
      name,
      shows,
      moments: moments.map(moment => moment.name)
    }))
  if (scenarios.size === 0) throw new Error(`${order.file} exports no scenario`)
  const scenario =
    scenarios.get(order.scenario) ?? (order.scenario === '' && scenarios.size === 1 ? [...scenarios.values()][0] : undefined)
  if (!scenario)
    throw new Error(`${order.file} has no scenario ${JSON.stringify(order.scenario)}: it has ${[...scenarios.keys()].join(', ')}`)
  if (order.type === 'run') return brief(await runPlan(scenario, drawPlan(scenario, order.seed)))
  const plan: Plan = typeof order.plan === 'number' ? drawPlan(scenario, order.plan) : order.plan
  if (order.type === 'replay') {
    const { untilMs } = order
    const result = await runPlan(scenario, plan, {
      ...(untilMs === undefined ? {} : { untilMs }),
      onLine: line => tell({ type: 'line', line })
    })
    return { plan, result: brief(result) }
  }
  const shrinking = { within: order.withinMs, onProgress: (progress: ShrinkProgress) => tell({ type: 'shrinking', progress }) }
  if (order.type === 'open') {
    const { result, recordings } = await recordBeside(scenario, plan, { ...shrinking, beside: order.beside })
    return { page: timelinePage(recordings, timelineAssets()), result: brief(result), beside: recordings[1]?.label }
  }
  const result = await runPlan(scenario, plan)
  if (!result.finding) return undefined
  const small = await shrink(scenario, plan, result, shrinking)
  return { ...small, result: brief(small.result) }
}

async function scenariosOf(file: string): Promise<ReadonlyMap<string, AnyScenario>> {
  let scenarios = files.get(file)
  if (!scenarios) files.set(file, (scenarios = await loadScenarios(file)))
  return scenarios
}

function brief(result: RunResult): RunResult {
  return { ...result, story: result.finding ? result.story.slice(-linesMax) : [] }
}

function tell(news: News): void {
  process.send?.(news)
}

process.on('disconnect', () => process.exit())
// Ctrl-C is for the command: it tells what there is, and then ends its workers.
process.on('SIGINT', () => undefined)
process.on('message', (order: Order) => {
  answer(order).then(
    answered => tell({ type: 'answer', answer: answered }),
    (error: unknown) => tell({ type: 'error', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  )
})
