import type { AnyPointSchema } from '@selvedge/documents'
import { Site } from './site.js'
import type { SiteOptions } from './site-options.js'

/** Opens a node. @throws SelvedgeError with the code of whatever could not be opened; nothing is left open then. */
export async function openSite<S extends AnyPointSchema = AnyPointSchema>(options: SiteOptions<S>): Promise<Site<S>> {
  const site = new Site(options)
  try {
    await site.open()
  } catch (error) {
    await site.close()
    throw error
  }
  return site
}
