/**
 * A node that writes as fast as it can and prints what was acknowledged as durable, until somebody kills it. Points, a shared document
 * and a config document; each line is one acknowledgement.
 */
import { openSite } from '../../dist/index.js'

const [dataDir, roster, round] = process.argv.slice(2)
const site = await openSite({ site: 'hq', dataDir, roster, mesh: false, control: false })
const say = line => process.stdout.write(`${line}\n`)

async function points(writer) {
  for (let i = 0; ; i++) {
    const path = `p/${writer}/${i % 50}`
    await site.points.set(path, i + 1_000_000 * round).durable('local')
    say(`point ${path} ${i + 1_000_000 * round}`)
  }
}

async function notes() {
  const document = site.document('notes')
  await document.loaded
  for (let i = 0; ; i++) {
    document.doc.getMap('m').set(`r${round}`, i)
    await document.flushed()
    say(`note r${round} ${i}`)
  }
}

async function config() {
  const document = await site.config('lighting')
  for (let i = 0; ; i++) {
    await document.change(`step ${i}`, draft => {
      draft[`r${round}`] = i
    })
    say(`config r${round} ${i}`)
  }
}

say('open')
for (let writer = 0; writer < 8; writer++) void points(writer)
void notes()
void config()
