/** One question in a process of its own: `run-question.js ID [--quick]`, its rows sent over IPC. */
import { isQuestion, loadQuestion } from './questions/index.js'
import type { Bench } from './row.js'

const [id = '', mode] = process.argv.slice(2)
if (!isQuestion(id)) throw new Error(`no question ${id}`)
const bench: Bench = { id, quick: mode === '--quick', progress: text => void process.send?.({ progress: text }) }
const question = await loadQuestion(id)
const rows = await question.run(bench)
process.send?.({ rows }, () => process.exit())
