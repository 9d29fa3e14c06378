/** What the `selvedge` command may ask of a running relay: its own routes, and those of every site's spaces, with `site` in each. */
import type { SiteId } from '@selvedge/core'
import { readFields, refuseField, spaceRoutes, type ControlledSpace, type Routes } from '@selvedge/replica'
import type { RelaySite } from './relay-site.js'
import type { RelayStatus } from './relay-status.js'

type ControlledSite = Pick<RelaySite, 'id' | 'spaceNames' | 'space' | 'schemaOf' | 'nameOf'>

/** The part of a relay that its control API needs. */
export interface RelayControl {
  status(): RelayStatus
  sites(): SiteId[]
  site(id: string): Promise<ControlledSite>
  drain(): Promise<void>
  reloadRosters(): void
}

export function relayRoutes(relay: RelayControl): Routes {
  return {
    ...spaceRoutes({
      space: async (name, id) => {
        if (id === undefined) throw refuseField('site', 'is missing: this is a relay of many sites')
        const site = await relay.site(id)
        site.space(name)
        return controlled(site, name)
      },
      open: async id => {
        // Of all sites only those that were ever heard of: a roster alone makes no space.
        const known = relay.status().sites.filter(({ spaces }) => spaces.length > 0)
        const ids = id === undefined ? known.map(({ site }) => site) : [id]
        const sites = await Promise.all(ids.map(each => relay.site(each)))
        return sites.flatMap(site => site.spaceNames.map(name => controlled(site, name)))
      }
    }),
    'GET /status': () => relay.status(),
    'GET /sites': () => relay.sites(),
    // Takes leave of the sites; the process goes on until it is told to end.
    'POST /drain': async ({ body }) => {
      readFields(body, {})
      await relay.drain()
      return { drained: true }
    },
    'POST /rosters/reload': ({ body }) => {
      readFields(body, {})
      relay.reloadRosters()
      return { sites: relay.sites().length }
    }
  }
}

function controlled(site: ControlledSite, name: string): ControlledSpace {
  return { site: site.id, name, api: site.space(name), schema: site.schemaOf(name), nameOf: node => site.nameOf(node) }
}
