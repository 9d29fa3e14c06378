/** `npm run bench`: asks every question in a process of its own and shows one table. */
import { fork } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { pagesWith } from './pages.js'
import { isQuestion, questionIds } from './questions/index.js'
import { resultsTable, type RunConditions } from './results-table.js'
import type { Row } from './row.js'

const help = `npm run bench -- [QUESTION…] [options]

Measures Selvedge beside its peers and the floors of the machine, in the same run, and prints the ratios.

  --list        names the questions
  --json FILE   also writes the rows as an array of {question, title, ours, beside, ratio, target, reached, conditions}
  --readme      also writes the table into README.md, its part into packages/COMPARISON.md, and chart.svg
  --quick       few and short rounds: shows that everything runs; the figures mean little
  --help        this text

Exit code: 0 when every row was measured (reached or not), 1 when a question failed, 2 for a bad argument.
`

const pagePaths = {
  readme: fileURLToPath(new URL('../../../README.md', import.meta.url)),
  comparison: fileURLToPath(new URL('../../COMPARISON.md', import.meta.url)),
  chart: fileURLToPath(new URL('../chart.svg', import.meta.url))
}

function conditions(): RunConditions {
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    cpu: cpus()[0]?.model.trim() ?? 'unknown CPU',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`
  }
}

/** Shows what is being done on one line of a terminal; elsewhere each question says only that it began. */
function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}

function ask(id: string, quick: boolean): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./run-question.js', import.meta.url)), quick ? [id, '--quick'] : [id], {
      execArgv: ['--expose-gc', '--enable-source-maps'],
      serialization: 'advanced'
    })
    const stop = (): void => void child.kill('SIGKILL')
    process.once('exit', stop)
    let rows: Row[] | undefined
    child.on('message', (message: { progress?: string; rows?: Row[] }) => {
      if (message.progress !== undefined) showProgress(`${id}: ${message.progress}`)
      rows = message.rows ?? rows
    })
    child.once('exit', (code, signal) => {
      process.off('exit', stop)
      showProgress('')
      if (rows && code === 0) resolve(rows)
      else reject(new Error(`${id} ended with ${signal ?? code} and no answer`))
    })
  })
}

async function writePages(rows: readonly Row[]): Promise<void> {
  const [readme, comparison] = await Promise.all([readFile(pagePaths.readme, 'utf8'), readFile(pagePaths.comparison, 'utf8')])
  const written = pagesWith({ readme, comparison }, rows, conditions())
  await Promise.all([
    writeFile(pagePaths.readme, written.readme),
    writeFile(pagePaths.comparison, written.comparison),
    writeFile(pagePaths.chart, written.chart)
  ])
}

async function main(): Promise<number> {
  let parsed
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        list: { type: 'boolean' },
        json: { type: 'string' },
        readme: { type: 'boolean' },
        quick: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' }
      }
    })
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${help}`)
    return 2
  }
  const { values, positionals } = parsed
  if (values.help) return (process.stdout.write(help), 0)
  if (values.list) return (process.stdout.write(`${questionIds.join('\n')}\n`), 0)
  const unknown = positionals.find(id => !isQuestion(id))
  if (unknown !== undefined) {
    process.stderr.write(`there is no question '${unknown}'; there are: ${questionIds.join(', ')}\n`)
    return 2
  }
  if (values.readme && (values.quick || positionals.length)) {
    process.stderr.write('--readme takes a whole run: leave out --quick and the names of questions\n')
    return 2
  }
  const rows: Row[] = []
  let failed = false
  const ids = positionals.length ? positionals : questionIds
  for (const [i, id] of ids.entries()) {
    process.stderr.write(`[${i + 1}/${ids.length}] ${id}\n`)
    try {
      rows.push(...(await ask(id, values.quick ?? false)))
    } catch (error) {
      failed = true
      process.stderr.write(`${(error as Error).message}\n`)
    }
  }
  process.stdout.write(resultsTable(rows, conditions()))
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, null, 2)}\n`)
  if (values.readme && !failed) await writePages(rows)
  return failed ? 1 : 0
}

process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))
process.exitCode = await main()
