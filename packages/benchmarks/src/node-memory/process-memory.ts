/** Memory of this process as the system sees it. */
import { readFileSync } from 'node:fs'

export interface ProcessMemory {
  /** Resident bytes: pages that are shared with other processes count whole. */
  readonly rss: number
  /** Pages that are shared with other processes count by their share. */
  readonly pss: number
}

export function processMemory(): ProcessMemory {
  const bytes = (file: string, name: string): number => {
    const line = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/self/${file}`, 'utf8'))
    if (!line) throw new Error(`/proc/self/${file} has no ${name}`)
    return Number(line[1]) * 1024
  }
  return { rss: bytes('status', 'VmRSS'), pss: bytes('smaps_rollup', 'Pss') }
}
