/** A node's process: `openSite`, and its share of the building's drivers. */
import { openSite } from '@selvedge/site'
import { nodeId } from '@selvedge/core'
import { campusPoints } from '../plant/points.js'
import { answerCommon } from './answers.js'
import { startDrivers } from './drivers.js'
import type { Service } from './service.js'
import type { FromChild, NodeConfig, Request } from './protocol.js'

export async function runNode(config: NodeConfig, tell: (message: FromChild) => void): Promise<Service> {
  const site = await openSite({
    site: config.site,
    dataDir: config.dataDir,
    roster: config.roster,
    points: campusPoints,
    mesh: { listen: [config.listen], peers: config.peers, mdns: false },
    trunk: { url: config.trunkUrl },
    control: true,
    // Often, so that the screen can show that replicas are equal while they change.
    timing: { compareIntervalMs: 2_000 }
  })
  site.on('heal', report =>
    tell({
      type: 'event',
      text: `merged ${report.space} with ${site.roster.nameOf(report.peer)}: ${report.registersReceived} in, ${report.registersSent} out, ${report.conflicts} conflicts, ${report.durationMs} ms`
    })
  )
  site.on('health', ({ alarms }) => {
    for (const alarm of alarms) tell({ type: 'event', text: `${alarm.severity}: ${alarm.message} (${alarm.code})` })
  })
  const drivers = await startDrivers(site, config)
  tell({ type: 'ready', node: site.node })
  const scope = {
    space: (name: string) => site.space(name),
    nameOf: (node: string) => site.roster.nameOf(nodeId(node)),
    spaceNames: site.spaceNames
  }
  return {
    report: () => ({ type: 'report', report: { status: site.status(), ...drivers.counts() } }),
    async answer(request: Request) {
      if (request.op === 'status') return site.status()
      if (request.op === 'isolate') return site.isolate(node => request.nodes.includes(node))
      if (request.op === 'plant') return drivers.setRunning(request.running)
      const answer = answerCommon(scope, request)
      if (!answer) throw new Error(`a node does not answer ${request.op}`)
      return answer
    },
    async close() {
      drivers.close()
      await site.close()
    }
  }
}
