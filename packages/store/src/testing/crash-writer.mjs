// Commits for ever from several writers to several spaces and prints each batch once it is acknowledged, until it is killed.
// Usage: node crash-writer.mjs <directory> <first number>; runs the built package.
import { spaceId, systemClock } from '@selvedge/core'
import { openLevelStore } from '@selvedge/store'
import { writeSync } from 'node:fs'

const [directory, first] = process.argv.slice(2)
const store = await openLevelStore({ directory, clock: systemClock })

async function write(id, writer) {
  const space = spaces.get(id)
  for (let n = Number(first); ; n++) {
    const value = Buffer.from(`${n}:`.padEnd(20 + ((n * 37) % 3000), `${writer}`))
    // One batch: the two records must never differ; and a record comes and goes.
    const puts = [
      { key: `writer/${writer}/a`, value },
      { key: `writer/${writer}/b`, value },
      { key: `log/${writer}/${n % 20}`, value }
    ]
    await space.commit({ puts, deletes: [`log/${writer}/${(n + 10) % 20}`] })
    // Synchronous, so that what was acknowledged is told even if the kill comes at once.
    writeSync(1, `${id} ${writer} ${n}\n`)
  }
}

const spaces = new Map()
for (const id of ['hq/state', 'hq/local', 'fleet/config']) {
  const space = await store.open(spaceId(id))
  if (space.loss) throw new Error(`${id}: ${space.loss.message}`)
  spaces.set(id, space)
}
for (const id of spaces.keys()) for (let writer = 0; writer < 4; writer++) void write(id, writer)
