/** A node with a disk and no peers: the real runtime, opened as a service would. */
import { silentLogger, siteId } from '@selvedge/core'
import { loadNodeKey, Roster } from '@selvedge/network'
import { openSite, type Site } from '@selvedge/site'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

export function openLoneSite(dataDir: string): Promise<Site> {
  mkdirSync(dataDir, { recursive: true })
  const { key } = loadNodeKey(join(dataDir, 'node.key'))
  const roster = new Roster(siteId('hq'), [{ name: 'alone', node: key.node }])
  return openSite({ site: 'hq', dataDir, roster, mesh: false, log: silentLogger })
}
