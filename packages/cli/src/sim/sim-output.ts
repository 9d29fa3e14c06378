/** What `selvedge sim` shows: a line of progress, and a report. */
import type { ShrinkProgress } from '@selvedge/simulator'
import type { Style } from '../output/style.js'
import { printable } from '../output/text.js'
import type { SeedRun } from './seed-run.js'
import type { FailureGroup, ScenarioTally } from './tally.js'

const barWidth = 24

export function progressLine(run: SeedRun, withinMs: number): string {
  const { tallies, elapsedMs, wanted } = run
  const seeds = sum(tallies, ({ seeds }) => seeds)
  const byTime = elapsedMs / withinMs
  const share = Math.min(1, Math.max(Number.isFinite(wanted) ? seeds / wanted : 0, byTime))
  const filled = Math.round(share * barWidth)
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`
  const [moments, reached] = [
    sum(tallies, ({ scenario }) => scenario.moments.length),
    sum(tallies, ({ reached }) => reached.size)
  ]
  const failures = sum(tallies, ({ groups }) => groups.length)
  return [
    `${bar} ${seeds}${Number.isFinite(wanted) ? `/${wanted}` : ''} seeds`,
    `${rate(seeds, elapsedMs)} seeds/s`,
    `${span(sum(tallies, ({ simulatedMs }) => simulatedMs))} simulated`,
    ...(moments > 0 ? [`sometimes ${reached}/${moments}`] : []),
    ...(failures > 0 ? [`${failures} failures`] : [])
  ].join(' · ')
}

export function shrinkLine({ step, runs, operations, faults, nodes }: ShrinkProgress): string {
  return `${operations} operations, ${faults} faults, ${nodes} nodes; ${runs} runs; trying without ${step}`
}

export function runReport(run: SeedRun, style: Style): string {
  const { tallies, elapsedMs } = run
  const [seeds, simulatedMs, compared] = [
    sum(tallies, t => t.seeds),
    sum(tallies, t => t.simulatedMs),
    sum(tallies, t => t.compared)
  ]
  const told = tallies.map(tally => scenarioReport(tally, style)).join('')
  const times = elapsedMs > 0 ? `, ${Math.round(simulatedMs / elapsedMs).toLocaleString('en')} times as fast as time` : ''
  return `${told}\n${seeds} seeds in ${span(elapsedMs)} (${rate(seeds, elapsedMs)} a second), ${span(simulatedMs)} simulated${times}; ${compared} seeds run twice, ${
    tallies.some(({ groups }) => groups.some(({ kind }) => kind === 'nondeterminism')) ? 'NOT all the same' : 'all the same'
  }\n`
}

function scenarioReport(tally: ScenarioTally, style: Style): string {
  const { scenario, seeds, groups, passed, unknown, never } = tally
  const mark =
    groups.length > 0 ? style.bad('✗') : seeds === 0 || unknown.length + never.length > 0 ? style.warning('?') : style.good('✓')
  const lines = [`${mark} ${style.bold(printable(scenario.name))}  ${style.dim(`${seeds} seeds`)}`]
  if (scenario.shows !== '') lines.push(`  ${style.dim(printable(scenario.shows))}`)
  if (passed.length > 0) lines.push(`  ${passed.length} checks hold: ${passed.join(', ')}`)
  for (const { check, why } of unknown) lines.push(`  ${style.warning('?')} ${check}: no evidence (${why})`)
  if (seeds > 0) for (const moment of never) lines.push(`  ${style.warning('?')} never reached: ${printable(moment)}`)
  for (const group of groups) lines.push(...groupReport(group, style).map(line => `  ${line}`))
  return `${lines.join('\n')}\n`
}

function groupReport({ kind, check, seeds, seed, sentence, report, plan }: FailureGroup, style: Style): string[] {
  const head = `${style.bad('✗')} ${check} (${kind}) in ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, first in ${seed}`
  const body = report ?? sentence
  return [
    head,
    ...body.split('\n').map(line => `  ${line}`.trimEnd()),
    ...(plan === undefined || report !== undefined ? [] : [`  plan: ${plan}`])
  ]
}

function sum<T>(all: readonly T[], of: (each: T) => number): number {
  return all.reduce((total, each) => total + of(each), 0)
}

function rate(count: number, ms: number): string {
  const each = ms > 0 ? (count / ms) * 1_000 : 0
  return each >= 10 ? String(Math.round(each)) : each.toFixed(1)
}

/** `3.5 s`, `12 min`, `9.1 h`, `40 d`. */
export function span(ms: number): string {
  const units: [string, number][] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000]
  ]
  const [unit, size] = units.find(([, size]) => ms >= 2 * size) ?? ['s', 1_000]
  return `${ms / size >= 10 ? Math.round(ms / size) : (ms / size).toFixed(1)} ${unit}`
}

/** Text of several lines, with control characters spelled out. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}
