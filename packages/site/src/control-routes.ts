/** What the `selvedge` command may ask of a node: the routes of its spaces, and those of the node itself. */
import { SelvedgeError, type NodeId } from '@selvedge/core'
import type { AnyPointSchema } from '@selvedge/documents'
import type { Roster } from '@selvedge/network'
import {
  controlErrors,
  flag,
  list,
  readFields,
  spaceRoutes,
  text,
  type ControlledSpace,
  type Routes,
  type SpaceApi
} from '@selvedge/replica'
import type { SiteStatus } from './site-status.js'

/** A node, as its control API needs it. */
export interface ControlledSite {
  readonly id: string
  readonly node: NodeId
  readonly roster: Roster
  readonly spaceNames: readonly string[]
  /** Definitions of the points of the `state` space, for their units. */
  readonly schema?: AnyPointSchema | undefined
  space(name: string): SpaceApi
  status(): SiteStatus
  setTrunkEnabled(enabled: boolean): void
  isolate(blocked: (node: NodeId) => boolean): void
}

/** Takes what `openSite` gives: see {@link ControlledSite}. */
export function siteRoutes(api: unknown): Routes {
  const site = api as ControlledSite
  const controlled = (name: string): ControlledSpace => ({
    site: site.id,
    name,
    api: site.space(name),
    schema: name === 'state' ? site.schema : undefined,
    nameOf: node => site.roster.nameOf(node)
  })
  return {
    'GET /status': () => site.status(),
    'POST /trunk': ({ body }) => {
      site.setTrunkEnabled(readFields(body, { enabled: flag }).enabled)
      return { trunk: site.status().trunk }
    },
    'POST /isolate': ({ body }) => {
      const blocked = new Set(readFields(body, { nodes: list(text) }).nodes.map(name => nodeNamed(site, name)))
      site.isolate(node => blocked.has(node))
      return { isolatedFrom: [...blocked].map(node => site.roster.nameOf(node)) }
    },
    ...spaceRoutes({
      space: (name, of) => {
        requireOwn(site, of)
        return controlled(name)
      },
      open: of => {
        requireOwn(site, of)
        return site.spaceNames.map(controlled)
      }
    })
  }
}

function requireOwn(site: ControlledSite, id: string | undefined): void {
  if (id !== undefined && id !== site.id)
    throw new SelvedgeError(controlErrors.siteUnknown, `this is a node of ${site.id}, not of ${id}`, { details: { site: id } })
}

function nodeNamed({ roster, node: own }: ControlledSite, name: string): NodeId {
  const found = roster.nodes.find(entry => entry.name === name || entry.node === name)
  if (!found || found.node === own)
    throw new SelvedgeError(
      controlErrors.nodeUnknown,
      found
        ? `${name} is this node itself`
        : `no node ${name} in the roster: there are ${roster.nodes.map(entry => entry.name).join(', ')}`,
      { details: { node: name } }
    )
  return found.node
}
