/** A process that runs seeds, and tells each run as a line of JSON: `node --import …/guard.js …/trace-seeds.js FIRST COUNT`. */
import { tracedRun } from '../traced-run.js'

const [first, count] = process.argv.slice(2).map(Number)
for (let seed = first!; seed < first! + count!; seed++) process.stdout.write(`${JSON.stringify(await tracedRun(seed))}\n`)
