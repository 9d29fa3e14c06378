/** The page of the timeline, as the build leaves it. */
import { readdirSync, readFileSync } from 'node:fs'
import type { TimelineAssets } from '../timeline/timeline-page.js'

const compiled = new URL('../../dist/page/', import.meta.url)

/** @throws Error when the package is not built */
export function timelineAssets(): TimelineAssets {
  const modules = readdirSync(compiled).filter(name => name.endsWith('.js'))
  return {
    style: readFileSync(new URL('../../page/timeline.css', import.meta.url), 'utf8'),
    modules: Object.fromEntries(modules.map(name => [name, readFileSync(new URL(name, compiled), 'utf8')]))
  }
}
