/**
 * `npm start`: the campus. On a terminal a live screen with keys; without one, or with `--script`, the story and its verdict.
 */
import { parseArgs } from 'node:util'
import { Campus } from './campus/campus.js'
import { runLive } from './campus/live.js'
import { tellStory } from './campus/script.js'
import { openTrace } from './trace/index.js'

const help = `Selvedge campus: one relay and three buildings of three nodes, ten real processes on this machine.

  npm start                        live screen on a terminal, the scripted story otherwise
  npm start -- --script            the story: cut, conflicts, kill -9, split, heal, verdict; exit 0 or 1
  npm start -- --trace FILE        replay a measured trend export (CSV) beside the simulated plant
  npm start -- --data DIR          keep the data there (default: a temporary directory, removed at the end)
  npm start -- --json              with --script: print the verdict as JSON too
`

const storyWithinMs = 90_000

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      script: { type: 'boolean', default: false },
      trace: { type: 'string' },
      data: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false }
    }
  })
  if (values.help) {
    process.stdout.write(help)
    return 0
  }
  // Before ten processes start: a file that can't be played is said here, and not in the log of one of them.
  if (values.trace !== undefined) {
    const rows = openTrace(values.trace)[Symbol.asyncIterator]()
    await rows.next()
    await rows.return?.()
  }
  const live = !values.script && process.stdout.isTTY && process.stdin.isTTY
  const events: string[] = []
  let onEvent = (text: string): void => void events.push(text)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)))
  if (!live) process.stdout.write('starting a relay and three buildings of three nodes …\n')
  const campus = await Campus.open({ trace: values.trace, dataDir: values.data, onEvent: text => onEvent(text) })
  let held = false
  try {
    if (live) return await runLive(campus, { events, signal: stop.signal, setOnEvent: listener => (onEvent = listener) })
    const code = await runScript(campus, { json: values.json, trace: values.trace !== undefined, signal: stop.signal })
    held = code === 0
    return code
  } finally {
    await campus.close({ keepData: !held && !live })
    if (!held && !live) process.stdout.write(`what the processes stored and logged is in ${campus.directory}\n`)
  }
}

async function runScript(campus: Campus, options: { json: boolean; trace: boolean; signal: AbortSignal }): Promise<number> {
  const say = (line: string): void => void process.stdout.write(`${line}\n`)
  const started = performance.now()
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(storyWithinMs)])
  const checks = await tellStory(campus, { say, trace: options.trace, signal })
  const held = checks.every(check => check.held)
  say('\nverdict')
  for (const check of checks) say(`  ${check.held ? 'ok  ' : 'FAIL'}  ${check.text}  (${check.detail})`)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  say(`\n${held ? 'PASS' : 'FAIL'}: ${checks.filter(check => check.held).length} of ${checks.length} checks in ${seconds} s`)
  if (options.json) say(JSON.stringify({ pass: held, seconds: Number(seconds), checks }))
  return held ? 0 : 1
}

main().then(
  code => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`campus: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  }
)
