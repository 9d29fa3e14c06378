/** The relay's process: `openRelay`, and a cloud service that uses the same API as the buildings do. */
import { loadRosters } from '@selvedge/network'
import { openRelay } from '@selvedge/relay'
import { campusPoints } from '../plant/points.js'
import { answerCommon } from './answers.js'
import type { Service } from './service.js'
import type { FromChild, RelayConfig, Request } from './protocol.js'

export async function runRelay(config: RelayConfig, tell: (message: FromChild) => void): Promise<Service> {
  const relay = await openRelay({
    dataDir: config.dataDir,
    rosters: config.rosters,
    listen: { host: '127.0.0.1', port: 0 },
    points: campusPoints,
    control: true,
    timing: { compareIntervalMs: 2_000 }
  })
  const names = new Map<string, string>([[relay.node, 'cloud']])
  for (const roster of loadRosters(config.rosters).values()) for (const { node, name } of roster.nodes) names.set(node, name)
  tell({ type: 'ready', node: relay.node, port: relay.port })
  return {
    report: () => ({ type: 'report', report: { status: relay.status() } }),
    async answer(request: Request) {
      if (request.op === 'status') return relay.status()
      const id = 'site' in request ? request.site : undefined
      if (id === undefined) throw new Error(`the relay needs a site for ${request.op}`)
      const site = await relay.site(id)
      const answer = answerCommon(
        { space: name => site.space(name), spaceNames: site.spaceNames, nameOf: node => names.get(node) ?? node },
        request
      )
      if (!answer) throw new Error(`the relay does not answer ${request.op}`)
      return answer
    },
    close: () => relay.close()
  }
}
