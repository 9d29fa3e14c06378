/** What `bin/selvedge.js` runs. */
import { processIo } from './io.js'
import { runCommand } from './program.js'

const io = processIo()
const code = await runCommand(process.argv.slice(2), io)
process.exitCode = code
// A node or a relay that has closed may still be held up by a library's timer: nothing of ours waits any more.
if (io.ranToTheEnd) process.exit(code)
