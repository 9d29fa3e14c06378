/** `conflicts`, `heal`, `held-back`: what merges left behind, for people to look at. */
import type { Command } from 'commander'
import type { ConflictAnswer, ConflictSideAnswer, HealAnswer, HeldBackAnswer, WriteAnswer } from '@selvedge/replica'
import { ask, type Asking } from '../asking.js'
import type { Io } from '../io.js'
import { asking, durably, examples, parseCount, writing, type AskOptions, type DurableOptions } from '../options.js'
import { shownAge, shownDuration, shownTime, shownValue } from '../output/text.js'
import { reachedText } from './points.js'

type WriteOptions = AskOptions & DurableOptions

export function mergeCommands(program: Command, io: Io): void {
  const conflicts = asking(program.command('conflicts').description('writes that lost against a concurrent one'), 'all')
    .option('--max <n>', 'at most so many, the newest', parseCount)
    .action(async (options: AskOptions & { max?: number }) => {
      const asked = await ask(io, options)
      const query = { ...asked.where, max: options.max }
      await asked.print(await asked.client.request<ConflictAnswer[]>('GET', '/conflicts', { query }), found =>
        conflictTable(asked, found)
      )
    })
  const restore = writing(asking(conflicts.command('restore').description('write the losing value anew'), 'all'))
    .argument('<id>', 'id of the conflict, or its first digits')
    .action(async (id: string, _: unknown, command: Command) => {
      const options = command.optsWithGlobals<WriteOptions>()
      const asked = await ask(io, options)
      const body = { ...asked.where, id, ...durably(options) }
      const answer = await asked.client.request<WriteAnswer & { restored: ConflictAnswer }>('POST', '/conflicts/restore', {
        body
      })
      const { path, loser } = answer.restored
      await asked.print(answer, () => `${path} is ${sideText(loser)} again${reachedText(answer)}\n`)
    })
  examples(conflicts, 'selvedge conflicts', 'selvedge conflicts restore 3fa2')
  examples(restore, 'selvedge conflicts restore 3fa2 --durable site')

  const heal = asking(program.command('heal').description('what merges after a partition changed'), 'all')
    .option('--max <n>', 'at most so many, the newest', parseCount)
    .action(async (options: AskOptions & { max?: number }) => {
      const asked = await ask(io, options)
      const query = { ...asked.where, max: options.max }
      await asked.print(await asked.client.request<HealAnswer[]>('GET', '/heal-reports', { query }), found =>
        healTable(asked, found)
      )
    })
  examples(heal, 'selvedge heal', 'selvedge heal --max 1 --json')

  heldBackCommands(program, io)
}

function heldBackCommands(program: Command, io: Io): void {
  const heldBack = asking(program.command('held-back').description('writes of clocks that are too far ahead'), 'all').action(
    async (options: AskOptions) => {
      const asked = await ask(io, options)
      await asked.print(await asked.client.request<HeldBackAnswer[]>('GET', '/held-back', { query: asked.where }), found =>
        heldBackTable(asked, found)
      )
    }
  )
  examples(
    heldBack,
    'selvedge held-back',
    'selvedge held-back release ahu/1/setpoint',
    'selvedge held-back discard ahu/1/setpoint'
  )
  const settle = (name: 'release' | 'discard', description: string, done: string): void => {
    writing(asking(heldBack.command(name).description(description), 'state'))
      .argument('<path>', 'path of the point')
      .option('--slot <slot>', 'slot of a composite')
      .action(async (path: string, _: unknown, command: Command) => {
        const options = command.optsWithGlobals<WriteOptions & { slot?: string }>()
        const asked = await ask(io, options)
        const body = { ...asked.where, path, ...(options.slot === undefined ? {} : { slot: options.slot }), ...durably(options) }
        const answer = await asked.client.request<WriteAnswer>('POST', `/held-back/${name}`, { body })
        await asked.print(answer, () => `${done} ${path}${reachedText(answer)}\n`)
      })
  }
  settle('release', 'obey such a write: it is written anew with a stamp of now', 'released')
  settle('discard', 'discard such a write, everywhere and for good', 'discarded')
}

function conflictTable(asked: Asking, conflicts: readonly ConflictAnswer[]): string {
  const nowMs = asked.io.nowMs()
  return asked.table<ConflictAnswer>(
    conflicts,
    [
      { title: 'ID', value: ({ id }) => id.slice(0, 8) },
      { title: 'SEEN', value: ({ seenAtMs }) => shownTime(seenAtMs, nowMs) },
      { title: 'SPACE', value: ({ site, space }) => `${site}/${space}` },
      { title: 'PATH', value: ({ path, slot }) => shownValue(slot === '' ? path : `${path} [${slot}]`) },
      {
        title: 'LOST',
        value: ({ loser, valueLeftOut }) => (valueLeftOut ? 'too large to keep' : sideText(loser)),
        style: () => 'bold'
      },
      { title: 'BY', value: ({ loser }) => byText(loser, nowMs) },
      { title: 'WON', value: ({ winner }) => sideText(winner) },
      { title: 'BY', value: ({ winner }) => byText(winner, nowMs) },
      { title: '', optional: true, value: ({ restored }) => (restored ? 'restored' : ''), style: () => 'good' }
    ],
    'no conflicts'
  )
}

function sideText({ value }: ConflictSideAnswer): string {
  return value === undefined ? 'deleted' : shownValue(value, 24)
}

function byText({ writerName, atMs }: ConflictSideAnswer, nowMs: number): string {
  return `${shownValue(writerName, 20)} at ${shownTime(atMs, nowMs)}`
}

function healTable(asked: Asking, reports: readonly HealAnswer[]): string {
  const nowMs = asked.io.nowMs()
  return asked.table<HealAnswer>(
    reports,
    [
      { title: 'MERGED', value: ({ atMs }) => shownAge(nowMs - atMs) },
      { title: 'SPACE', value: ({ site, space }) => `${site}/${space}` },
      { title: 'BY', value: ({ byName }) => shownValue(byName, 20) },
      {
        title: 'WITH',
        value: ({ peerName, peerRole }) =>
          shownValue(`${peerName}${peerRole === 'relay' && peerName !== 'relay' ? ' (relay)' : ''}`, 28)
      },
      { title: 'APART', value: ({ apartMs }) => (apartMs === undefined ? '–' : shownDuration(apartMs)) },
      { title: 'TOOK', value: ({ durationMs }) => shownDuration(durationMs) },
      { title: 'RECEIVED', right: true, value: ({ registersReceived }) => String(registersReceived) },
      { title: 'APPLIED', right: true, value: ({ registersApplied }) => String(registersApplied) },
      { title: 'SENT', right: true, value: ({ registersSent }) => String(registersSent) },
      {
        title: 'CONFLICTS',
        right: true,
        value: report => String(report.conflicts),
        style: report => (report.conflicts > 0 ? 'warning' : 'plain')
      },
      { title: 'DOCUMENTS', right: true, value: ({ documents }) => String(documents.length) },
      {
        title: 'RETURNED',
        right: true,
        optional: true,
        value: ({ returned }) => (returned.length > 0 ? String(returned.length) : '')
      }
    ],
    'no merges after a partition yet'
  )
}

function heldBackTable(asked: Asking, held: readonly HeldBackAnswer[]): string {
  return asked.table<HeldBackAnswer>(
    held,
    [
      { title: 'SPACE', value: ({ site, space }) => `${site}/${space}` },
      { title: 'PATH', value: ({ path, slot }) => shownValue(slot === '' ? path : `${path} [${slot}]`) },
      { title: 'VALUE', value: ({ value }) => (value === undefined ? 'deleted' : shownValue(value, 40)), style: () => 'bold' },
      { title: 'WRITER', value: ({ writerName }) => shownValue(writerName, 24) },
      { title: 'AHEAD', value: ({ aheadMs }) => shownDuration(aheadMs), style: () => 'warning' }
    ],
    'nothing is held back'
  )
}
