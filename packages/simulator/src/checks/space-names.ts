/** What a space's id tells of it. */
import { siteOfSpace, type SpaceId } from '@selvedge/core'

/** Whether a space is one of a machine's site; a relay, which has none, may keep any. */
export function isSiteOf(space: SpaceId, site: string | undefined): boolean {
  return site === undefined || siteOfSpace(space) === site
}
