/** Routes of points: readings, writes, watches, and the operations of composites. */
import { SelvedgeError } from '@selvedge/core'
import { compilePattern, qualities, type PriorityReading } from '@selvedge/documents'
import type { PointChange } from '../changes.js'
import type { ChangeAnswer, PriorityAnswer, PriorityLevelAnswer, ReadingAnswer } from './answers.js'
import {
  inSpace,
  unitOf,
  whenWritten,
  written,
  type ControlledSpace,
  type ControlledSpaces,
  type SpaceChosen
} from './controlled-space.js'
import { controlErrors } from './errors.js'
import {
  count,
  duration,
  flag,
  number,
  oneOf,
  optional,
  readFields,
  refuseField,
  text,
  value,
  type FieldReader
} from './fields.js'
import type { ControlRequest, Routes } from './router.js'

const stateSpace = 'state'

const element: FieldReader<string | number> = (raw, name) => {
  if (typeof raw !== 'string' && typeof raw !== 'number') throw refuseField(name, 'must be a string or a number')
  return raw
}

export function pointRoutes(spaces: ControlledSpaces): Routes {
  const space = async ({ site, space: name = stateSpace }: SpaceChosen): Promise<ControlledSpace> => spaces.space(name, site)
  return {
    'GET /points/get': async ({ query }) => {
      const { path, ...where } = readFields(query, { ...inSpace, path: text })
      return reading(await space(where), path)
    },
    'GET /points/list': async ({ query, signal }) => {
      const { pattern = '**', ...where } = readFields(query, { ...inSpace, pattern: optional(text) })
      const chosen = await space(where)
      // Looked at before the stream begins: what is wrong with it is told as an answer of its own.
      compilePattern(pattern)
      return readings(chosen, chosen.api.points.list(pattern), signal)
    },
    'PUT /points': async request => {
      const spec = {
        ...inSpace,
        ...whenWritten,
        path: text,
        value,
        quality: optional(oneOf(...qualities)),
        expiresInMs: optional(duration)
      }
      const { path, value: written_, quality, expiresInMs, ...rest } = readFields(request.body, spec)
      const { points } = (await space(rest)).api
      const options = { ...(quality === undefined ? {} : { quality }), ...(expiresInMs === undefined ? {} : { expiresInMs }) }
      return written(points.set(path, written_, options), rest, request)
    },
    'DELETE /points': async request => {
      const { path, ...rest } = readFields(request.query, { ...inSpace, ...whenWritten, path: text })
      const { points } = (await space(rest)).api
      return written(points.delete(path), rest, request)
    },
    'GET /watch': async request => {
      const spec = { ...inSpace, pattern: optional(text), initial: optional(flag), maxAgeMs: optional(duration) }
      const { pattern = '**', initial = true, maxAgeMs, ...where } = readFields(request.query, spec)
      const chosen = await space(where)
      return watched(chosen, pattern, { initial, ...(maxAgeMs === undefined ? {} : { maxAgeMs }) }, request.signal)
    },
    ...counterRoutes(space),
    ...setRoutes(space),
    ...priorityRoutes(space)
  }
}

type FindSpace = (chosen: SpaceChosen) => Promise<ControlledSpace>

function counterRoutes(space: FindSpace): Routes {
  return {
    'GET /counters/get': async ({ query }) => {
      const { path, ...where } = readFields(query, { ...inSpace, path: text })
      return { path, value: (await space(where)).api.points.counter(path).value }
    },
    'POST /counters/increment': async request => {
      const spec = { ...inSpace, ...whenWritten, path: text, by: optional(number), id: optional(text) }
      const { path, by, id, ...rest } = readFields(request.body, spec)
      const counter = (await space(rest)).api.points.counter(path)
      const answer = await written(counter.increment(by ?? 1, id === undefined ? {} : { id }), rest, request)
      return { ...answer, path, value: counter.value }
    }
  }
}

function setRoutes(space: FindSpace): Routes {
  const change = (operation: 'add' | 'remove') => async (request: ControlRequest) => {
    const { path, element: item, ...rest } = readFields(request.body, { ...inSpace, ...whenWritten, path: text, element })
    const set = (await space(rest)).api.points.elements(path)
    const answer = await written(set[operation](item), rest, request)
    return { ...answer, path, elements: set.values() }
  }
  return {
    'GET /sets/get': async ({ query }) => {
      const { path, ...where } = readFields(query, { ...inSpace, path: text })
      return { path, elements: (await space(where)).api.points.elements(path).values() }
    },
    'POST /sets/add': change('add'),
    'POST /sets/remove': change('remove')
  }
}

function priorityRoutes(space: FindSpace): Routes {
  return {
    'GET /priority/get': async ({ query }) => {
      const { path, ...where } = readFields(query, { ...inSpace, path: text })
      return priorities(await space(where), path)
    },
    'POST /priority/write': async request => {
      const spec = { ...inSpace, ...whenWritten, path: text, level: count, value, expiresInMs: optional(duration) }
      const { path, level, value: filled, expiresInMs, ...rest } = readFields(request.body, spec)
      const chosen = await space(rest)
      const receipt = chosen.api.points.priority(path).write(level, filled, expiresInMs === undefined ? {} : { expiresInMs })
      return { ...(await written(receipt, rest, request)), ...priorities(chosen, path) }
    },
    'POST /priority/relinquish': async request => {
      const { path, level, ...rest } = readFields(request.body, { ...inSpace, ...whenWritten, path: text, level: count })
      const chosen = await space(rest)
      const receipt = chosen.api.points.priority(path).relinquish(level)
      return { ...(await written(receipt, rest, request)), ...priorities(chosen, path) }
    }
  }
}

function priorities(space: ControlledSpace, path: string): PriorityAnswer {
  const { points } = space.api
  const array = points.priority(path)
  const answer = ({ level, value, register }: PriorityReading): PriorityLevelAnswer => {
    if (!register) return { ...(level === undefined ? {} : { level }), value }
    return { ...points.read(register), ...(level === undefined ? {} : { level }), value }
  }
  return { path, ...unitOf(space, path), current: answer(array.current()), levels: array.levels().map(answer) }
}

function reading(space: ControlledSpace, path: string): ReadingAnswer {
  const found = space.api.points.get(path)
  if (!found)
    throw new SelvedgeError(
      controlErrors.pointAbsent,
      `nothing stands at ${path} in ${space.api.id}: never written, deleted, or expired`,
      {
        details: { path, space: space.api.id }
      }
    )
  return { path, ...found, ...unitOf(space, path) }
}

// Streamed, so that a list of a whole building is never in memory as a whole.
async function* readings(
  space: ControlledSpace,
  found: Iterable<Omit<ReadingAnswer, 'unit'>>,
  signal: AbortSignal
): AsyncGenerator<ReadingAnswer> {
  for (const item of found) {
    if (signal.aborted) return
    yield await Promise.resolve({ ...item, ...unitOf(space, item.path) })
  }
}

function watched(
  space: ControlledSpace,
  pattern: string,
  options: { initial: boolean; maxAgeMs?: number },
  signal: AbortSignal
): AsyncIterable<ChangeAnswer> {
  // Begun here and not at the first read: a pattern that is not valid is told as an answer of its own.
  const changes = space.api.points.watch(pattern, options)
  if (signal.aborted) changes[Symbol.dispose]()
  else signal.addEventListener('abort', () => changes[Symbol.dispose](), { once: true })
  return described(space, changes)
}

async function* described(space: ControlledSpace, changes: AsyncIterable<PointChange>): AsyncGenerator<ChangeAnswer> {
  for await (const change of changes) yield { ...change, writerName: space.nameOf(change.writer), ...unitOf(space, change.path) }
}
