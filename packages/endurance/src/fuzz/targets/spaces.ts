/** What users of a space are shown of registers that anybody may have written, and what they may ask. */
import { below, decodeValue, encodeValue, hlcFromMs, hlcToHex, type Random, type Value } from '@selvedge/core'
import { decoders as site } from '@selvedge/site'
import { fromControlJson, readFields, toControlJson, type ControlRequest } from '@selvedge/replica'
import { Broken, decoding, hold, refused, type Outcome, type Target } from '../target.js'
import { holdSize, sameBytes } from '../weigh.js'
import { moving, openSpace, type OpenSpace } from './open-space.js'
import { many, otherNode, sampleNode, sampleValue, textOf, utf8, wallMs } from './sample-values.js'
import { holdSound } from './table-checks.js'

const writerKey = `${otherNode}~${hlcToHex(hlcFromMs(wallMs - 1_000))}00000001`

/** Where Selvedge itself reads registers, and composites of users. */
const addresses: readonly (readonly [path: string, slot: string])[] = [
  [`@conflict/${otherNode}`, ''],
  [`@conflict/${otherNode}/0`, ''],
  [`@conflict/${otherNode}/1`, ''],
  [`@heal/${otherNode}`, ''],
  [`@heal/${otherNode}/0`, ''],
  ['@doc/notes', writerKey],
  ['@doc/notes', 'x'],
  ['@doc/hvac', writerKey],
  ['@release/hvac', ''],
  ['@void', 'v'],
  ['meter/1/kwh', writerKey],
  ['meter/1/kwh', 'id:1'],
  ['room/1/badges', 's:a'],
  ['room/1/badges', 'n:1'],
  ['zone/1/level', '1'],
  ['zone/1/level', '16'],
  ['zone/1/level', 'x'],
  ['ahu/1/supply-temp', ''],
  ['door/1/locked', '']
]

const side = { deleted: false, value: 1, time: hlcFromMs(wallMs), writer: writerKey, seq: 3, quality: 0 }
const conflict = {
  path: 'ahu/1/supply-temp',
  slot: '',
  loser: side,
  winner: { ...side, value: 2 },
  seenAtMs: wallMs,
  seenBy: otherNode,
  valueLeftOut: false
}
const heal = {
  by: otherNode,
  peer: sampleNode,
  peerRole: 'node',
  atMs: wallMs,
  durationMs: 5,
  apartMs: null,
  registersReceived: 1,
  registersApplied: 1,
  registersSent: 1,
  conflicts: 1,
  documents: ['notes'],
  returned: ['a'],
  dropped: 0
}
const soundValues: readonly Value[] = [
  1,
  conflict,
  conflict,
  1,
  heal,
  ['yjs', 1, 1],
  ['yjs', 2, 1],
  ['automerge', 1, 1],
  { heads: ['ab'.repeat(32)], by: otherNode, atMs: wallMs },
  { path: 'm', slot: '', time: 1, node: otherNode },
  5,
  1,
  true,
  true,
  50,
  20,
  1,
  21.5,
  true
]

/** A sound value with a field, somewhere in it, that is something else. */
function spoiled(value: Value, random: Random): Value {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || below(random, 5) === 0)
    return sampleValue(random)
  const copy = structuredClone(value) as Record<string, Value>
  const keys = Object.keys(copy)
  const key = keys[below(random, keys.length)] ?? 'x'
  if (below(random, 8) === 0 && !Array.isArray(copy)) delete copy[key]
  else copy[key] = spoiled(copy[key]!, random)
  return copy
}

const systemRegisters: Target = {
  name: 'space-registers',
  from: 'registers under @conflict, @heal, @doc, @release, @void, and slots of composites',
  reaches: ['SpaceApi', 'readHeals', 'ConflictLog', 'counterValue', 'RegisterSet', 'PriorityArray'],
  open: async () => {
    // Every input writes at the same addresses, later than the one before: no state is left that another could meet.
    let open = await openSpace()
    let inputs = 0
    let seq = 0
    const message = (i: number, value: Value): Uint8Array => Uint8Array.of(i, ...encodeValue(value))
    return {
      corpus: [addresses.map((_, i) => message(i, soundValues[i]!))],
      messagesMax: addresses.length,
      generate: source =>
        many(1 + below(source, 6), () => {
          const i = below(source, addresses.length)
          return message(i, spoiled(soundValues[i]!, source))
        }),
      async take(input) {
        if (++inputs % 200 === 0) {
          await open.close()
          open = await openSpace()
          seq = 0
        }
        const { table } = open.api.replica
        let outcome: Outcome = 'refused'
        for (const bytes of input) {
          const [path, slot] = addresses[(bytes[0] ?? 0) % addresses.length]!
          let value: Value
          try {
            value = decodeValue(bytes.subarray(1))
          } catch (error) {
            refused(error)
            continue
          }
          table.merge(
            {
              path,
              slot,
              value,
              time: hlcFromMs(wallMs - 1_000) + ++seq,
              writer: table.writer(writerKey),
              seq,
              quality: 0,
              expiresAtMs: 0,
              batch: 0
            },
            1
          )
          outcome = 'decoded'
        }
        await holdReadable(open)
        if (seq % 16 === 0) holdSound(table)
        return outcome
      },
      close: () => open.close()
    }
  }
}

/** Everything that a person may look at can be shown, and what can be restored can be sent. */
async function holdReadable(open: OpenSpace): Promise<void> {
  open.clock.advance(1)
  for (const name of Object.keys(open.routes)) {
    if (!name.startsWith('GET ') || name.includes(':') || name === 'GET /watch') continue
    for (const path of ['meter/1/kwh', 'room/1/badges', 'zone/1/level', 'ahu/1/supply-temp']) {
      const takesPath = /get$/.test(name)
      await asked(open, name, takesPath ? { path } : {}, undefined)
      if (!takesPath) break
    }
  }
  for (const conflicting of open.api.conflicts(2)) {
    try {
      conflicting.restore()
    } catch (error) {
      refused(error)
    }
  }
}

const nobodyWaits = new Broken('the client has gone')

/** Calls a route as the control server does. An answer must be JSON, and a failure one of ours. */
async function asked(
  { routes, clock }: OpenSpace,
  name: string,
  query: Record<string, string>,
  body: unknown,
  params: Record<string, string> = {}
): Promise<Outcome> {
  const gone = new AbortController()
  const request: ControlRequest = { params, query, body, signal: gone.signal, within: () => gone.signal }
  // Nobody waits for a peer that never comes.
  const leaving = setImmediate(() => setImmediate(() => gone.abort(nobodyWaits)))
  try {
    const answer: unknown = await moving(
      clock,
      Promise.resolve().then(() => routes[name as keyof typeof routes]!(request))
    )
    if (typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer) {
      for await (const item of answer as AsyncIterable<unknown>) toControlJson(item)
    } else toControlJson(answer)
    return 'decoded'
  } catch (error) {
    if (gone.signal.aborted && (error as { cause?: unknown } | undefined)?.cause === gone.signal.reason) return 'refused'
    return refused(error)
  } finally {
    clearImmediate(leaving)
    gone.abort()
  }
}

const requests = (routes: OpenSpace['routes']): readonly string[] => Object.keys(routes).sort()

const controlRequests: Target = {
  name: 'control-request',
  from: 'the control socket: queries, bodies and parameters of every route',
  reaches: ['spaceRoutes', 'readFields', 'fromControlJson'],
  open: async () => {
    let open = await openSpace()
    const names = requests(open.routes)
    let inputs = 0
    const bodies = [
      '{"path":"ahu/1/supply-temp","value":21.5,"durable":"local"}',
      '{"path":"meter/1/kwh","by":2,"id":"x"}',
      '{"path":"room/1/badges","element":"a"}',
      '{"path":"zone/1/level","level":8,"value":50,"expiresInMs":1000}',
      '{"id":"notes","text":"hello","at":0}',
      '{"id":"hvac","path":"a.b","value":{"$bytes":"AAEC"}}',
      '{"pattern":"**","space":"state","site":"hq"}',
      '{}'
    ]
    return {
      // The route, a query, a body.
      corpus: names.flatMap((_, i) =>
        bodies.map((body, j) => [Uint8Array.of(i), utf8(j % 2 === 0 ? '' : 'path=meter/1/kwh&id=notes'), utf8(body)])
      ),
      messagesMax: 3,
      tokens: [
        '"__proto__":{},',
        '"path":"',
        '"$bytes":"',
        'null',
        '1e999',
        '-1',
        '[[',
        '"durable":"site",',
        '"timeoutMs":1,',
        '&pattern=**',
        '%ff',
        '{"$opaque":1}',
        '"value":{"constructor":1},'
      ].map(utf8),
      async take([route, query, body]) {
        if (++inputs % 200 === 0) {
          await open.close()
          open = await openSpace()
        }
        const name = names[(route?.[0] ?? 0) % names.length]!
        const fields = Object.fromEntries(new URLSearchParams(textOf(query ?? new Uint8Array())))
        let json: unknown
        try {
          json = name.startsWith('GET') || name.startsWith('DELETE') ? undefined : JSON.parse(textOf(body ?? new Uint8Array()))
        } catch {
          return 'refused'
        }
        // Whether a request makes sense to its route is not what is asked here: only what it does when it does not.
        await asked(open, name, fields, json, { id: fields['id'] ?? 'notes' })
        return 'decoded'
      },
      close: () => open.close()
    }
  }
}

const controlJson: Target = {
  name: 'control-json',
  from: 'values in bodies of the control socket',
  reaches: ['fromControlJson', 'toControlJson', 'readFields'],
  open: random => ({
    corpus: many(30, () => [utf8(toControlJson(sampleValue(random)))]),
    tokens: ['"$bytes":"', '{"$bytes":"AA=="}', '"__proto__":', '[[[[', '1e999'].map(utf8),
    take([bytes]) {
      let json: unknown
      try {
        json = JSON.parse(textOf(bytes!))
      } catch {
        return 'refused'
      }
      const fields = decoding(() => readFields(json, {}))
      const value = fromControlJson(json)
      if (value === undefined) return fields
      const again = fromControlJson(JSON.parse(toControlJson(value)))
      hold(again !== undefined && toControlJson(again) === toControlJson(value), 'the value is shown as another')
      return 'decoded'
    }
  })
}

const presence: Target = {
  name: 'presence',
  from: 'signals of neighbours',
  reaches: ['decodePresence'],
  open: () => ({
    corpus: [null, wallMs].map(trunkSinceMs => [
      site.encodePresence({ node: sampleNode, name: 'hq-1', count: 12, peers: [otherNode], trunkSinceMs, readiness: 'synced' })
    ]),
    generate: source => [
      encodeValue(
        spoiled(
          { node: sampleNode, name: 'hq-1', count: 12, peers: [otherNode], trunkSinceMs: null, readiness: 'synced' },
          source
        )
      )
    ],
    take([bytes]) {
      let decoded: ReturnType<typeof site.decodePresence>
      try {
        decoded = site.decodePresence(bytes!)
      } catch (error) {
        return refused(error)
      }
      if (!decoded) return 'refused'
      holdSize(decoded, bytes!.length, 64)
      hold(
        decoded.peers.every(peer => typeof peer === 'string'),
        'a peer is no text'
      )
      const encoded = site.encodePresence(decoded)
      hold(sameBytes(site.encodePresence(site.decodePresence(encoded)!), encoded), 'the presence encodes to another')
      return 'decoded'
    }
  })
}

export const spaceTargets: readonly Target[] = [systemRegisters, controlJson, controlRequests, presence]
