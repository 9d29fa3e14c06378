/**
 * The roster of a site: which nodes belong to it and which relay it trusts, read from JSON:
 *
 * ```json
 * { "site": "hq", "nodes": [{ "name": "hq-1", "node": "12D3KooW…" }], "relay": { "name": "relay", "node": "12D3KooW…" } }
 * ```
 *
 * A relay has a list of such rosters. What is parsed is bounded and checked; a mistake is told with its place in the file.
 */
import { nodeId, SelvedgeError, siteId, type NodeId, type SiteId } from '@selvedge/core'
import { networkErrors } from './errors.js'
import { publicKeyOfNode } from './peer-id.js'

export interface RosterEntry {
  /** For people; unique in the roster. */
  readonly name: string
  readonly node: NodeId
}

export const rosterLimits = { nodesMax: 1024, rostersMax: 10_000, textLengthMax: 64 * 1024 * 1024 } as const

const namePattern = /^[^\p{C}]{1,64}$/u

export class Roster {
  readonly site: SiteId
  readonly nodes: readonly RosterEntry[]
  /** Absent for a site without a relay. */
  readonly relay: RosterEntry | undefined
  private readonly byNode: ReadonlyMap<string, RosterEntry>

  constructor(site: SiteId, nodes: readonly RosterEntry[], relay?: RosterEntry) {
    this.site = site
    this.nodes = nodes
    this.relay = relay
    this.byNode = new Map(nodes.map(entry => [entry.node, entry]))
  }

  /** Whether a node belongs to the site. The relay does not. */
  admits(node: string): boolean {
    return this.byNode.has(node)
  }

  get(node: string): RosterEntry | undefined {
    return this.byNode.get(node)
  }

  /** The name of a node or of the relay, or the id of a stranger. */
  nameOf(node: NodeId): string {
    return this.byNode.get(node)?.name ?? (this.relay?.node === node ? this.relay.name : node)
  }
}

/** @throws SelvedgeError `ROSTER_INVALID`, with `details.place` */
export function parseRoster(text: string): Roster {
  return readRoster(parseJson(text), '')
}

/**
 * The rosters of a relay's sites, by site: a JSON list, or one roster by itself.
 * @throws SelvedgeError `ROSTER_INVALID`, with `details.place`
 */
export function parseRosters(text: string): ReadonlyMap<SiteId, Roster> {
  const json = parseJson(text)
  const list: unknown[] = Array.isArray(json) ? json : [json]
  if (list.length > rosterLimits.rostersMax) throw invalid('', `there are more than ${rosterLimits.rostersMax} rosters`)
  const rosters = new Map<SiteId, Roster>()
  list.forEach((item, i) => {
    const place = Array.isArray(json) ? `[${i}]` : ''
    const roster = readRoster(item, place)
    if (rosters.has(roster.site)) throw invalid(`${place}.site`, `site ${roster.site} stands in the list twice`)
    rosters.set(roster.site, roster)
  })
  return rosters
}

function parseJson(text: string): unknown {
  if (text.length > rosterLimits.textLengthMax) throw invalid('', 'the file is too long')
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw invalid(placeOfSyntaxError(text, cause), cause instanceof Error ? cause.message : 'it is not JSON', cause)
  }
}

function placeOfSyntaxError(text: string, cause: unknown): string {
  const position = cause instanceof Error ? /position (\d+)/.exec(cause.message)?.[1] : undefined
  if (position === undefined) return ''
  const lines = text.slice(0, Number(position)).split('\n')
  return `line ${lines.length}, column ${lines.at(-1)!.length + 1}`
}

function readRoster(json: unknown, place: string): Roster {
  const object = objectAt(json, place, ['site', 'nodes', 'relay'])
  const site = checked(`${place}.site`, () => siteId(stringAt(object.site, `${place}.site`)))
  if (!Array.isArray(object.nodes)) throw invalid(`${place}.nodes`, 'it must be a list')
  if (object.nodes.length > rosterLimits.nodesMax)
    throw invalid(`${place}.nodes`, `there are more than ${rosterLimits.nodesMax} nodes`)
  const seen = new Set<string>()
  const nodes = object.nodes.map((item: unknown, i) => readEntry(item, `${place}.nodes[${i}]`, seen))
  return new Roster(site, nodes, object.relay === undefined ? undefined : readEntry(object.relay, `${place}.relay`, seen))
}

function readEntry(json: unknown, place: string, seen: Set<string>): RosterEntry {
  const object = objectAt(json, place, ['name', 'node'])
  const name = stringAt(object.name, `${place}.name`)
  if (!namePattern.test(name)) throw invalid(`${place}.name`, 'a name is 1 to 64 printable characters')
  const node = checked(`${place}.node`, () => nodeId(stringAt(object.node, `${place}.node`)))
  if (!publicKeyOfNode(node)) throw invalid(`${place}.node`, `${JSON.stringify(node)} is not the PeerId of an Ed25519 key`)
  for (const [key, what] of [
    [`name ${name}`, 'name'],
    [`node ${node}`, 'node']
  ] as const) {
    if (seen.has(key)) throw invalid(`${place}.${what}`, `the ${key} stands in the roster twice`)
    seen.add(key)
  }
  return { name, node }
}

function objectAt(json: unknown, place: string, keys: readonly string[]): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid(place, 'it must be an object')
  // A misspelt "relay" would silently be a site without one.
  for (const key of Object.keys(json))
    if (!keys.includes(key)) throw invalid(`${place}.${key}`, `the key is not known; there are ${keys.join(', ')}`)
  return { ...json }
}

function stringAt(json: unknown, place: string): string {
  if (typeof json !== 'string') throw invalid(place, json === undefined ? 'it is missing' : 'it must be a string')
  return json
}

function checked<T>(place: string, read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof SelvedgeError && cause.code === networkErrors.rosterInvalid) throw cause
    throw invalid(place, cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function invalid(place: string, problem: string, cause?: unknown): SelvedgeError {
  const shown = place.replace(/^\./, '') || 'the roster'
  return new SelvedgeError(networkErrors.rosterInvalid, `${shown}: ${problem}`, {
    details: { place: shown },
    ...(cause === undefined ? {} : { cause })
  })
}
