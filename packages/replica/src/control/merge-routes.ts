/** Routes of what merges leave behind: conflicts, heal reports, and writes held back because their stamps are too far ahead. */
import { createHash } from 'node:crypto'
import { hlcToMs, SelvedgeError, type NodeId } from '@selvedge/core'
import { qualities, type WriterKey } from '@selvedge/documents'
import type { ConflictRecord } from '../conflict-log.js'
import { replicaErrors } from '../errors.js'
import type { RestorableConflict } from '../space-api.js'
import type { ConflictAnswer, ConflictSideAnswer, HealAnswer, HeldBackAnswer } from './answers.js'
import {
  chosenSpaces,
  inSpace,
  whenWritten,
  written,
  type ControlledSpace,
  type ControlledSpaces,
  type SpaceChosen
} from './controlled-space.js'
import { controlErrors } from './errors.js'
import { count, optional, readFields, text } from './fields.js'
import type { ControlRequest, Routes } from './router.js'

const shownDefault = 100

export function mergeRoutes(spaces: ControlledSpaces): Routes {
  return {
    'GET /conflicts': async ({ query }) => {
      const { max = shownDefault, ...where } = readFields(query, { ...inSpace, max: optional(count) })
      const found = (await conflictsOf(spaces, where)).map(({ space, conflict }) => conflictAnswer(space, conflict))
      return found.sort((a, b) => b.seenAtMs - a.seenAtMs).slice(0, max)
    },
    'POST /conflicts/restore': async request => {
      const { id, ...rest } = readFields(request.body, { ...inSpace, ...whenWritten, id: text })
      const { space, conflict } = await findConflict(spaces, rest, id)
      const answer = await written(conflict.restore(), rest, request)
      return { ...answer, restored: conflictAnswer(space, conflict) }
    },
    'GET /heal-reports': async ({ query }) => {
      const { max = shownDefault, ...where } = readFields(query, { ...inSpace, max: optional(count) })
      const found = (await chosenSpaces(spaces, where)).flatMap(heals)
      return found.sort((a, b) => b.atMs - a.atMs).slice(0, max)
    },
    'GET /held-back': async ({ query }) => (await chosenSpaces(spaces, readFields(query, inSpace))).flatMap(heldBack),
    'POST /held-back/release': request => settle(spaces, request, 'releaseHeldBack'),
    'POST /held-back/discard': request => settle(spaces, request, 'discardHeldBack')
  }
}

async function settle(
  spaces: ControlledSpaces,
  request: ControlRequest,
  how: 'releaseHeldBack' | 'discardHeldBack'
): Promise<unknown> {
  const spec = { ...inSpace, ...whenWritten, path: text, slot: optional(text) }
  const { path, slot, ...rest } = readFields(request.body, spec)
  const { api } = await spaces.space(rest.space ?? 'state', rest.site)
  return written(api[how](path, slot), rest, request)
}

interface FoundConflict {
  readonly space: ControlledSpace
  readonly conflict: RestorableConflict
}

async function conflictsOf(spaces: ControlledSpaces, where: SpaceChosen): Promise<FoundConflict[]> {
  const chosen = await chosenSpaces(spaces, where)
  return chosen.flatMap(space => space.api.conflicts().map(conflict => ({ space, conflict })))
}

async function findConflict(spaces: ControlledSpaces, where: SpaceChosen, id: string): Promise<FoundConflict> {
  // A few digits of an id will do, as long as they tell it apart.
  const found =
    id === ''
      ? []
      : (await conflictsOf(spaces, where)).filter(({ space, conflict }) => conflictId(space, conflict).startsWith(id))
  if (found.length > 1)
    throw new SelvedgeError(
      controlErrors.conflictAmbiguous,
      `${found.length} conflicts have an id that starts with ${id}: give more of it`,
      {
        details: { id }
      }
    )
  const [only] = found
  if (!only)
    throw new SelvedgeError(replicaErrors.conflictUnknown, `there is no conflict ${id} (the newest 1,000 are kept)`, {
      details: { id }
    })
  return only
}

/** Twelve hexadecimal digits, the same on every replica: what lost has one dot. */
function conflictId(space: ControlledSpace, { loser }: ConflictRecord): string {
  return createHash('sha256').update(`${space.api.id} ${loser.writer} ${loser.seq}`).digest('hex').slice(0, 12)
}

function conflictAnswer(space: ControlledSpace, conflict: RestorableConflict): ConflictAnswer {
  const { path, slot, loser, winner, seenAtMs, seenBy, valueLeftOut } = conflict
  return {
    id: conflictId(space, conflict),
    site: space.site,
    space: space.name,
    path,
    slot,
    loser: side(space, loser),
    winner: side(space, winner),
    seenAtMs,
    seenByName: space.nameOf(seenBy),
    restored: space.api.replica.conflicts.isRestored(conflict),
    valueLeftOut
  }
}

function side(space: ControlledSpace, { value, quality, time, writer }: ConflictRecord['loser']): ConflictSideAnswer {
  const node = nodeOf(writer)
  return {
    ...(value === undefined ? {} : { value }),
    quality: qualities[quality] ?? 'uncertain',
    atMs: hlcToMs(time),
    writer: node,
    writerName: space.nameOf(node)
  }
}

function nodeOf(writer: WriterKey): NodeId {
  return writer.slice(0, writer.indexOf('~')) as NodeId
}

function heals(space: ControlledSpace): HealAnswer[] {
  return space.api.healReports().map(({ losers, ...report }) => ({
    ...report,
    site: space.site,
    space: space.name,
    byName: space.nameOf(report.by),
    peerName: space.nameOf(report.peer),
    losers: losers.map(conflict => conflictId(space, conflict))
  }))
}

function heldBack(space: ControlledSpace): HeldBackAnswer[] {
  return space.api.heldBack().map(({ value, ...held }) => ({
    ...held,
    ...(value === undefined ? {} : { value }),
    site: space.site,
    space: space.name,
    writerName: space.nameOf(held.writer as NodeId)
  }))
}
