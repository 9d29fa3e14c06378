/** `trunk` and `isolate`: an operator's orders to one node. */
import { Argument, type Command } from 'commander'
import { ask } from '../asking.js'
import type { Io } from '../io.js'
import { asking, examples, type AskOptions } from '../options.js'

export function orderCommands(program: Command, io: Io): void {
  const trunk = asking(
    program.command('trunk').description('let go of the trunk and dial no more (off), or go on (on); until the node restarts')
  )
    .addArgument(new Argument('<state>', 'on or off').choices(['on', 'off']))
    .action(async (state: 'on' | 'off', options: AskOptions) => {
      const asked = await ask(io, options)
      const answer = await asked.client.request<{ trunk?: unknown }>('POST', '/trunk', { body: { enabled: state === 'on' } })
      await asked.print(answer, ({ trunk: told }) =>
        told ? `the trunk is ${state} here\n` : 'this node has no trunk: it was started without a relay\n'
      )
    })
  examples(trunk, 'selvedge trunk off', 'selvedge trunk on')

  const isolate = asking(
    program.command('isolate').description('cut this node off from others of its site, on this side, until called again')
  )
    .argument('[nodes...]', 'names or ids of nodes; none: nobody any more')
    .action(async (nodes: string[], options: AskOptions) => {
      const asked = await ask(io, options)
      const answer = await asked.client.request<{ isolatedFrom: string[] }>('POST', '/isolate', { body: { nodes } })
      await asked.print(answer, ({ isolatedFrom }) => `cut off from ${isolatedFrom.join(', ') || 'nobody'}\n`)
    })
  examples(isolate, 'selvedge isolate hq-2 hq-3', 'selvedge isolate   # ends it')
}
