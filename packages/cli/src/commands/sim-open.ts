/** `sim open`: a run as a page to look at, in the browser. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Option, type Command } from 'commander'
import { SelvedgeError } from '@selvedge/core'
import type { Beside } from '@selvedge/simulator'
import { cliErrors } from '../errors.js'
import type { Io } from '../io.js'
import { examples, parseDuration } from '../options.js'
import { openInBrowser } from '../sim/browser.js'
import { printableLines, shrinkLine } from '../sim/sim-output.js'
import { targetOf } from '../sim/target.js'
import { Worker } from '../sim/workers.js'

interface OpenFlags {
  readonly out?: string
  readonly open: boolean
  readonly beside?: Beside
  readonly time: number
  readonly only?: string
}

const timelines = '.selvedge/timelines'

export function simOpenCommand(sim: Command, io: Io): void {
  const open = sim
    .command('open')
    .description('show a run in the browser: lanes, messages, faults, and what each node held at any moment')
    .argument('<seed|plan>', 'a seed, or the file of a plan')
    .argument('[file]', 'the scenario: needed with a seed; of a plan it is known where it was')
    .option('--out <file>', `where the page is written (default: below ${timelines})`)
    .option('--no-open', 'only write it, and print its path')
    .addOption(
      new Option(
        '--beside <what>',
        'what a failing run is shown beside: made small, or passing (default: shrunk; of a plan that is small already: passing)'
      ).choices(['shrunk', 'passing', 'nothing'])
    )
    .option('--time <duration>', 'to make it small in', parseDuration, 30_000)
    .option('--only <name>', 'the scenario of that name, if the file has several')
    .action((which: string, file: string | undefined, flags: OpenFlags) => openRun(io, which, file, flags))
  examples(
    open,
    'selvedge sim open .selvedge/failures/split-brain-17.json',
    'selvedge sim open 17 simulations/split-brain.ts --out split.html --no-open'
  )
}

async function openRun(io: Io, which: string, file: string | undefined, flags: OpenFlags): Promise<void> {
  const { plan, ...target } = await targetOf(which, file, flags.only)
  // A plan that was kept has been made small before.
  const beside = flags.beside ?? (typeof plan === 'object' && plan.failure ? 'passing' : 'shrunk')
  const worker = new Worker()
  try {
    io.progress?.('recording')
    const {
      page,
      result,
      beside: other
    } = await worker.ask({ type: 'open', ...target, plan, beside, withinMs: flags.time }, news => {
      if (news.type === 'shrinking') io.progress?.(`making it small: ${shrinkLine(news.progress)}`)
    })
    io.progress?.('')
    const path = resolve(flags.out ?? join(timelines, `${result.scenario.replace(/[^\w-]+/g, '-')}-${result.seed}.html`))
    write(path, page)
    const { finding } = result
    const opened = flags.open && (await openInBrowser(pathToFileURL(path).href, io.env))
    await io.write(
      [
        finding ? printableLines(`${finding.sentence} (${finding.check})`) : 'nothing fails',
        ...(other === undefined ? [] : [`beside it: ${other}`]),
        `${opened ? 'opened' : 'open this in a browser:'} ${relative('.', path)}`,
        ''
      ].join('\n')
    )
  } finally {
    io.progress?.('')
    worker.close()
  }
}

function write(path: string, page: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, page)
  } catch (cause) {
    throw new SelvedgeError(cliErrors.fileUnreadable, `${path} can't be written: ${(cause as Error).message}`, {
      cause,
      details: { file: path }
    })
  }
}
