/** A process of the building: a node or the relay, under load. It does what its parent asks, and ends with it. */
import type { FromProcess, ProcessConfig, Requests, ToProcess } from './protocol.js'
import { runErrand } from './errands.js'
import { Load } from './load.js'
import { openCloud } from './open-cloud.js'
import { openNode } from './open-node.js'
import { restOf, viewOf } from './view.js'
import { VitalSigns } from './vitals.js'

type Answers = { readonly [Name in keyof Requests]: (argument: Requests[Name]['argument']) => Answer<Requests[Name]['answer']> }
type Answer<T> = T | Promise<T>

function tell(message: FromProcess): void {
  if (process.connected) process.send?.(message)
}

async function main(): Promise<void> {
  const config = JSON.parse(process.env['SELVEDGE_ENDURANCE'] ?? '{}') as ProcessConfig
  const served = await (config.kind === 'node' ? openNode(config) : openCloud(config))
  await served.notes.loaded
  const signs = new VitalSigns()
  let load: Load | undefined
  let writesBefore = 0
  const answers: Answers = {
    load(options) {
      writesBefore += load?.writes ?? 0
      load?.stop()
      load = new Load(served, config.name, options, writes => tell({ type: 'acknowledged', writes }))
    },
    rest: () => load?.stop() ?? { writes: 0, last: [] },
    errand: ({ errand, level }) => runErrand(served, errand, level),
    view: () => viewOf(served),
    state: () => restOf(served, load?.waiting ?? 0),
    heals: () => served.heals(),
    vitals: ({ collect }) => ({
      ...signs.sample(collect),
      backlog: served.backlog(),
      storedBytes: served.storedBytes(),
      writes: writesBefore + (load?.writes ?? 0)
    }),
    async stop() {
      load?.stop()
      await served.close()
    }
  }
  process.on('message', ({ id, name, argument }: ToProcess) => {
    void (async (): Promise<FromProcess> => {
      try {
        return { type: 'answer', id, value: await (answers[name] as (argument: unknown) => unknown)(argument) }
      } catch (error) {
        return { type: 'answer', id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
      }
    })().then(tell)
  })
  process.once('disconnect', () => process.exit())
  tell({ type: 'ready' })
}

process.on('SIGINT', () => undefined) // the parent decides when its processes end
main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
  process.exit(1)
})
