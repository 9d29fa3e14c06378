/**
 * What does it take to find and fetch what changed in 10 of 1,000 documents after a cut? Once with shared documents (Yjs) and once with
 * configs (Automerge), beside automerge-repo over its own WebSocket adapters. Bytes are everything that the sockets carried both
 * ways, without the updates themselves.
 */
import { openAutomergeRepoPair } from '../documents/automerge-repo-pair.js'
import type { Pair, Reconnect } from '../documents/pair.js'
import { openSelvedgePair } from '../documents/selvedge-pair.js'
import { figure, row, type Bench, type Row } from '../row.js'
import { sample } from '../sample.js'

const documentCount = 1_000
const editedCount = 10
const msMax = 30

/** What a process reconnects before it counts: it runs for months, and most of what it runs here is compiled by then. */
const warmRounds = 4

/** Shares of the CPU time of a round, both sides together, as profiles of the dial until the last document is shown tell them. */
const profiled: Readonly<Record<string, string>> = {
  'selvedge, Yjs':
    'CPU of both sides in one process, hardly any waiting, and none of it for the documents that did not change: 3/10 go to applying ' +
    'the answers, 8/10 of that to trying each on a second instance that nobody sees, made of the whole document; the rest to the ' +
    'handshake, two sessions and the sockets. Less would take a check of updates that needs no second document.',
  'selvedge, Automerge':
    'CPU of both sides in one process, hardly any waiting, and none of it for the documents that did not change: nearly half goes to ' +
    'applying the answers on clones: 2/5 of that to saving and loading each document again, without which a change could be taken in ' +
    'that no restart can read, 1/3 to the changes themselves, 1/7 to reading the content. Less would take a load that makes no objects ' +
    'of JavaScript, which Automerge does not offer.'
}

export async function run(bench: Bench): Promise<Row[]> {
  const documents = bench.quick ? 100 : documentCount
  const [warm, rounds] = bench.quick ? [1, 2] : [warmRounds, 6]
  const open: Record<string, () => Promise<Pair>> = {
    'selvedge, Yjs': () => openSelvedgePair('yjs', documents),
    'selvedge, Automerge': () => openSelvedgePair('automerge', documents),
    'automerge-repo': () => openAutomergeRepoPair(documents)
  }
  const pairs: [string, Pair][] = []
  for (const [name, opened] of Object.entries(open)) {
    bench.progress(`${name}: ${documents.toLocaleString('en')} documents`)
    pairs.push([name, await opened()])
  }
  const results = new Map<string, Reconnect[]>(pairs.map(([name]) => [name, []]))
  const first = new Map<string, number>()
  for (let round = 1; round <= warm + rounds; round++) {
    bench.progress(`round ${round} of ${warm + rounds}`)
    for (const [name, pair] of round % 2 ? pairs.toReversed() : pairs) {
      globalThis.gc?.()
      const result = await pair.reconnect(editedCount)
      if (round > warm) results.get(name)!.push(result)
      if (round === 1) first.set(name, result.ms)
    }
  }
  for (const [, pair] of pairs) await pair.close()

  const kilobytes = (name: string) =>
    figure(name, 'KB', sample(results.get(name)!.map(({ overheadBytes }) => overheadBytes / 1024)))
  const ms = (name: string) => figure(name, 'ms', sample(results.get(name)!.map(result => result.ms)))
  const conditions =
    `${documents.toLocaleString('en')} documents of 2 to 4 KB, ${editedCount} edited, half on each side; one process, WebSocket on ` +
    'loopback; every byte of the sockets until they are quiet, handshakes too; time from the dial until all open documents show it, ' +
    `after ${warm} reconnects; ` +
    'ours a node and a relay with a Level store each, automerge-repo with everything in memory and no storage'
  return ['selvedge, Yjs', 'selvedge, Automerge'].flatMap(name => [
    row(
      bench,
      {
        title: 'reconnect: bytes besides the updates',
        ours: kilobytes(name),
        beside: [kilobytes('automerge-repo')],
        conditions
      },
      { atMost: 4, unit: 'KB' }
    ),
    row(
      bench,
      {
        title: 'reconnect: until equal',
        ours: ms(name),
        beside: [ms('automerge-repo'), figure('ours, the first in its process', 'ms', sample([first.get(name)!]))],
        conditions,
        ...(ms(name).value > msMax ? { note: profiled[name]! } : {})
      },
      { atMost: msMax, unit: 'ms' }
    )
  ])
}
