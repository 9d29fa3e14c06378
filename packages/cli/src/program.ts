/** The `selvedge` command: its tree of commands, and how one of them is run. */
import { Command } from 'commander'
import { compositeCommands } from './commands/composites.js'
import { configCommands } from './commands/config.js'
import { documentCommands } from './commands/documents.js'
import { mergeCommands } from './commands/merges.js'
import { nodeCommand } from './commands/node.js'
import { pointCommands } from './commands/points.js'
import { relayCommand } from './commands/relay.js'
import { rosterCommands } from './commands/roster.js'
import { simCommands } from './commands/sim.js'
import { statusCommand } from './commands/status.js'
import { orderCommands } from './commands/trunk.js'
import { Ended, failureOf } from './failure.js'
import type { Io } from './io.js'
import { examples } from './options.js'
import { simExitCodes } from './sim/tally.js'
import { version } from './version.js'

/** Runs one command line (without `node` and the script); resolves to its exit code and never rejects. */
export async function runCommand(args: readonly string[], io: Io): Promise<number> {
  const written: Promise<void>[] = []
  try {
    await makeProgram(io, written).parseAsync([...args], { from: 'user' })
    await Promise.all(written)
    return 0
  } catch (error) {
    await Promise.all(written)
    const { text, exitCode } = failureOf(error)
    io.warn(text)
    // The codes of a simulation are its own: whatever else goes wrong there is one of them.
    return args[0] === 'sim' && exitCode !== 0 && !(error instanceof Ended) ? simExitCodes.harness : exitCode
  }
}

function makeProgram(io: Io, written: Promise<void>[]): Command {
  const program = new Command('selvedge')
    .description('Replicated state for buildings that keep working when the trunk to the cloud is cut.')
    .version(version, '-V, --version')
    .exitOverride()
    .configureOutput({
      writeOut: text => void written.push(io.write(text)),
      writeErr: text => io.warn(text),
      getOutHasColors: () => io.colours,
      getErrHasColors: () => false
    })
    .showHelpAfterError('("--help" after the command tells how to use it)')
  program.commandsGroup('Run:')
  nodeCommand(program, io)
  relayCommand(program, io)
  rosterCommands(program, io)
  program.commandsGroup('Look and write:')
  statusCommand(program, io)
  pointCommands(program, io)
  compositeCommands(program, io)
  documentCommands(program, io)
  configCommands(program, io)
  program.commandsGroup('Operate:')
  mergeCommands(program, io)
  orderCommands(program, io)
  program.commandsGroup('Test:')
  simCommands(program, io)
  examples(
    program,
    'selvedge roster init roster.json --site hq',
    'selvedge roster add roster.json hq-1 $(selvedge key)',
    'selvedge node --site hq --roster roster.json',
    'selvedge set ahu/1/setpoint 21.5',
    'selvedge watch "ahu/**"'
  )
  program.addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 wrong use, 3 nothing runs on the data directory.\nSELVEDGE_DATA names the data directory; NO_COLOR switches colours off.'
  )
  return program
}
