/**
 * What `selvedge node` is told: a JSON file, flags, or both, where a flag goes before the file. Paths in the file are relative to it.
 *
 * @example
 * { "site": "hq", "dataDir": "./data", "roster": "./roster.json", "points": "./points.json",
 *   "mesh": { "listen": ["/ip4/0.0.0.0/tcp/4001"], "peers": [], "mdns": true },
 *   "trunk": { "url": "wss://relay.example/trunk", "proxy": "http://proxy:3128", "ca": "./ca.pem" }, "bootAloneAfterMs": 30000 }
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { SelvedgeError } from '@selvedge/core'
import type { AnyPointSchema } from '@selvedge/documents'
import type { SiteOptions } from '@selvedge/site'
import { cliErrors } from './errors.js'
import { invalidFile, readJsonFile } from './json-file.js'
import { defaultDataDir } from './options.js'

export interface NodeFlags {
  readonly config?: string
  readonly data?: string
  readonly site?: string
  readonly roster?: string
  readonly points?: string
  readonly listen?: readonly string[]
  readonly peer?: readonly string[]
  /** False: `--no-mdns`. */
  readonly mdns?: boolean
  /** False: `--no-mesh`. */
  readonly mesh?: boolean
  readonly relay?: string
  readonly proxy?: string
  readonly ca?: string
  readonly bootAloneAfter?: number
}

type Json = Record<string, unknown>

/** @throws SelvedgeError `CLI_FILE_UNREADABLE`, `CLI_FILE_INVALID`, `CLI_OPTION_MISSING`, `POINTS_INVALID` */
export async function nodeSettings(flags: NodeFlags): Promise<SiteOptions> {
  const file = flags.config === undefined ? {} : readSettings(flags.config)
  const site = flags.site ?? file.site
  const roster = flags.roster ?? file.roster
  if (site === undefined) throw missing('--site', 'site', 'which building is this node of?')
  if (roster === undefined) throw missing('--roster', 'roster', 'which file says who belongs to the site?')
  const points = flags.points ?? file.points
  const bootAloneAfterMs = flags.bootAloneAfter ?? file.bootAloneAfterMs
  const mesh = meshOf(flags, file)
  const trunk = trunkOf(flags, file)
  return {
    site,
    roster,
    dataDir: flags.data ?? file.dataDir ?? defaultDataDir,
    ...(mesh === undefined ? {} : { mesh }),
    ...(trunk === undefined ? {} : { trunk }),
    ...(file.spaces === undefined ? {} : { spaces: file.spaces }),
    ...(points === undefined ? {} : { points: await loadPoints(points) }),
    ...(bootAloneAfterMs === undefined ? {} : { bootAloneAfterMs })
  }
}

/** Definitions of points, as `definePoints` takes them, from a JSON file. */
export async function loadPoints(file: string): Promise<AnyPointSchema> {
  const definitions = readJsonFile(file)
  const { definePoints } = await import('@selvedge/documents')
  if (typeof definitions !== 'object' || definitions === null || Array.isArray(definitions))
    throw invalidFile(file, 'it must be an object of path patterns and definitions')
  return definePoints(definitions as Parameters<typeof definePoints>[0])
}

export function readPem(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new SelvedgeError(
      cliErrors.fileUnreadable,
      `${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
        details: { file }
      }
    )
  }
}

export function missing(flag: string, key: string | undefined, why: string): SelvedgeError {
  const or = key === undefined ? '' : ` (or "${key}" in the file of --config)`
  return new SelvedgeError(cliErrors.optionMissing, `${flag} is missing${or}: ${why}`, { details: { option: flag } })
}

function meshOf({ mesh, listen, peer, mdns }: NodeFlags, file: FileSettings): SiteOptions['mesh'] {
  if (mesh === false || (file.mesh === false && listen === undefined && peer === undefined)) return false
  const merged = {
    ...(file.mesh || {}),
    ...(listen ? { listen } : {}),
    ...(peer ? { peers: peer } : {}),
    ...(mdns === false ? { mdns } : {})
  }
  return Object.keys(merged).length === 0 ? undefined : merged
}

function trunkOf({ relay, proxy, ca }: NodeFlags, file: FileSettings): SiteOptions['trunk'] {
  const fromFile = file.trunk || undefined
  const url = relay ?? fromFile?.url
  if (url === undefined) {
    if (proxy !== undefined || ca !== undefined)
      throw missing('--relay', 'trunk.url', '--proxy and --ca say how to reach a relay')
    return file.trunk === false ? false : undefined
  }
  const caFile = ca ?? fromFile?.ca
  const through = proxy ?? fromFile?.proxy
  return { url, ...(through === undefined ? {} : { proxy: through }), ...(caFile === undefined ? {} : { ca: readPem(caFile) }) }
}

interface FileSettings {
  readonly site?: string
  readonly dataDir?: string
  readonly roster?: string
  readonly points?: string
  readonly mesh?: { listen?: string[]; peers?: string[]; mdns?: boolean } | false
  readonly trunk?: { url: string; proxy?: string; ca?: string } | false
  readonly spaces?: Record<string, { residency: 'site' | 'trunk' }>
  readonly bootAloneAfterMs?: number
}

function readSettings(file: string): FileSettings {
  const json = readJsonFile(file)
  const read = new SettingsReader(file)
  const top = read.object(json, '', ['site', 'dataDir', 'roster', 'points', 'mesh', 'trunk', 'spaces', 'bootAloneAfterMs'])
  const mesh = read.unlessFalse(top['mesh'], value => read.object(value, 'mesh', ['listen', 'peers', 'mdns']))
  const trunk = read.unlessFalse(top['trunk'], value => read.object(value, 'trunk', ['url', 'proxy', 'ca']))
  const spaces = top['spaces'] === undefined ? undefined : read.object(top['spaces'], 'spaces')
  for (const [name, space] of Object.entries(spaces ?? {}))
    read.text(read.object(space, `spaces.${name}`, ['residency'])['residency'], `spaces.${name}.residency`)
  const present = {
    site: read.text(top['site'], 'site'),
    dataDir: read.path(top['dataDir'], 'dataDir'),
    roster: read.path(top['roster'], 'roster'),
    points: read.path(top['points'], 'points'),
    mesh:
      mesh &&
      read.present({
        listen: read.texts(mesh['listen'], 'mesh.listen'),
        peers: read.texts(mesh['peers'], 'mesh.peers'),
        mdns: read.flag(mesh['mdns'], 'mesh.mdns')
      }),
    trunk:
      trunk &&
      read.present({
        url: read.needed(read.text(trunk['url'], 'trunk.url'), 'trunk.url'),
        proxy: read.text(trunk['proxy'], 'trunk.proxy'),
        ca: read.path(trunk['ca'], 'trunk.ca')
      }),
    spaces: spaces as FileSettings['spaces'],
    bootAloneAfterMs: read.milliseconds(top['bootAloneAfterMs'], 'bootAloneAfterMs')
  }
  return read.present(present) as FileSettings
}

class SettingsReader {
  constructor(private readonly file: string) {}

  object(value: unknown, place: string, keys?: readonly string[]): Json {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw invalidFile(this.file, `${place || 'it'} must be an object`)
    for (const key of Object.keys(value))
      if (keys && !keys.includes(key))
        throw invalidFile(this.file, `${place === '' ? key : `${place}.${key}`} is not known: there are ${keys.join(', ')}`)
    return value as Json
  }

  unlessFalse<T>(value: unknown, read: (value: unknown) => T): T | false | undefined {
    return value === undefined || value === false ? value : read(value)
  }

  text(value: unknown, place: string): string | undefined {
    if (value === undefined || typeof value === 'string') return value
    throw invalidFile(this.file, `${place} must be a string`)
  }

  needed<T>(value: T | undefined, place: string): T {
    if (value === undefined) throw invalidFile(this.file, `${place} is missing`)
    return value
  }

  texts(value: unknown, place: string): string[] | undefined {
    if (value === undefined || (Array.isArray(value) && value.every(item => typeof item === 'string'))) return value
    throw invalidFile(this.file, `${place} must be a list of strings`)
  }

  /** Relative to the file. `memory` is no path: it means that nothing is kept. */
  path(value: unknown, place: string): string | undefined {
    const path = this.text(value, place)
    return path === undefined || path === 'memory' ? path : resolve(dirname(this.file), path)
  }

  flag(value: unknown, place: string): boolean | undefined {
    if (value === undefined || typeof value === 'boolean') return value
    throw invalidFile(this.file, `${place} must be true or false`)
  }

  milliseconds(value: unknown, place: string): number | undefined {
    if (value === undefined || (typeof value === 'number' && value >= 0 && Number.isFinite(value))) return value
    throw invalidFile(this.file, `${place} must be milliseconds, 0 or more`)
  }

  present<T extends object>(value: T): T {
    return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as T
  }
}
