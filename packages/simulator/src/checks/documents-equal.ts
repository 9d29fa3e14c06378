/**
 * Documents: at the end every replica of a space has the same Yjs and Automerge documents, complete: no pending structs, no missing
 * changes. And an edit that was acknowledged is in them, whatever crashed, while a disk on which it rests is sound: on the disk of who
 * made it at each of its boots, and everywhere at the end.
 */
import { documentId, type SpaceId } from '@selvedge/core'
import type { AutomergeDocument, YjsDocument } from '@selvedge/documents'
import type { Run } from '../run.js'
import type { Check } from './check.js'
import type { EditAcknowledged } from './history.js'
import { observerOf, type Observer, type Watched, type Witness } from './observer.js'
import { contentOf, pendingOf, stateOf } from './yjs-content.js'

const loadedWithinMs = 60_000
/** What is left of a document that was lost in part is passed on within this. */
const sharedWithinMs = 60_000

interface Opened {
  readonly watched: Watched
  readonly document: YjsDocument | AutomergeDocument
}

export class DocumentsEqual implements Check, Witness {
  readonly name = 'documents-equal'
  private run!: Run
  private observer!: Observer
  private judged = 0

  begin(run: Run): void {
    this.run = run
    this.observer = observerOf(run)
    this.observer.join(this)
  }

  /** Every receipt of an edit says that it is stored here, whatever else it says. */
  booted({ host, space }: Watched): void {
    const { history } = this.run
    const harmedAtMs = Math.max(-1, ...history.all('diskHarmed').map(harmed => (harmed.host === host ? harmed.atMs : -1)))
    for (const { edit, dot, level } of history.all('editAcknowledged')) {
      if (!dot || edit.host !== host || edit.space !== space.id || edit.atMs <= harmedAtMs) continue
      this.judged++
      if ((space.documents.durableIncluded(documentId(edit.document)).get(dot.writer) ?? 0) >= dot.count) continue
      this.fail(
        `an acknowledged edit is not on the disk: ${edit.engine}`,
        `An edit of the document ${edit.document} on ${host} was acknowledged as durable (${level}), and ${host} does not have it at a boot.`,
        { space: space.id, document: edit.document, host, level }
      )
      return
    }
  }

  async atEnd(): Promise<void> {
    this.observer.look()
    if (this.run.phase !== 'settled') return this.run.unknown(this, 'the run ended before all had converged')
    for (const space of this.observer.ledgers.keys())
      for (const [id, engine] of this.documentsOf(space)) if (!(await this.judge(space, id, engine))) return
    if (this.judged > 0) this.run.pass(this)
    else this.run.unknown(this, 'there were no documents')
  }

  private documentsOf(space: SpaceId): Map<string, 'yjs' | 'automerge'> {
    const found = new Map<string, 'yjs' | 'automerge'>()
    for (const { space: replica } of this.observer.replicas(space))
      for (const { id, engine } of replica.documents.list()) found.set(id, engine)
    return found
  }

  private async judge(space: SpaceId, id: string, engine: 'yjs' | 'automerge'): Promise<boolean> {
    const opened = await this.open(space, id, engine)
    if (!opened) {
      this.fail('can not be read', `The document ${id} can not be read everywhere.`, { space, document: id })
      return false
    }
    // Nobody has it all, and a disk was lost: what rested on that disk alone is gone, as every replica says. They share what is left.
    const isPart = (): boolean =>
      this.run.history.all('diskHarmed').length > 0 && statesOf(opened, id).every(({ status }) => status !== 'complete')
    if (isPart()) await this.run.world.passUntil(() => areEqual(statesOf(opened, id)), sharedWithinMs)
    const [isIncomplete, states] = [isPart(), statesOf(opened, id)]
    for (const { document } of opened) document.close()
    this.judged++
    const [first] = states
    for (const { host, status, pending, state, content } of states) {
      const details = { space, document: id, engine, hosts: [first!.host, host] }
      if (status !== 'complete' && !isIncomplete)
        return this.fail(`not complete: ${engine}`, `${host} lacks something of the document ${id}: ${status}.`, details)
      if (pending && !isIncomplete)
        return this.fail(`${pending}: ${engine}`, `${host} has ${pending} in the document ${id}.`, details)
      if (state !== first!.state || content !== first!.content)
        return this.fail(`not equal: ${engine}`, `The document ${id} is not the same on ${first!.host} and ${host}.`, details)
    }
    return isIncomplete || this.judgeEdits(space, id, first!.content)
  }

  private async open(space: SpaceId, id: string, engine: 'yjs' | 'automerge'): Promise<Opened[] | undefined> {
    const opened: Opened[] = []
    let waiting = 0
    let failed = false
    const wait = (promise: Promise<unknown>): void => {
      waiting++
      promise.then(
        () => waiting--,
        () => (failed = true)
      )
    }
    for (const watched of this.observer.replicas(space)) {
      const { documents } = watched.space
      if (engine === 'yjs') {
        const document = documents.openYjs(documentId(id))
        wait(document.loaded)
        opened.push({ watched, document })
      } else wait(documents.openAutomerge(documentId(id)).then(document => opened.push({ watched, document })))
    }
    await this.run.world.passUntil(() => waiting === 0 || failed, loadedWithinMs)
    return waiting === 0 && !failed ? opened : undefined
  }

  private judgeEdits(space: SpaceId, id: string, content: string): boolean {
    const removed = new Set(
      this.run.history.all('edited').flatMap(edit => (edit.space === space && edit.document === id ? (edit.removes ?? []) : []))
    )
    for (const acknowledged of this.run.history.all('editAcknowledged')) {
      const { edit, level } = acknowledged
      if (edit.space !== space || edit.document !== id || edit.adds === undefined || removed.has(edit.adds)) continue
      if (this.isVoid(acknowledged)) continue
      this.judged++
      if (content.includes(edit.adds)) continue
      return this.fail(
        `an acknowledged edit is gone: ${edit.engine}, ${level}`,
        `An edit of the document ${id} on ${edit.host} was acknowledged as durable (${level}), and is not in it at the end.`,
        { space, document: id, host: edit.host, level, text: edit.adds, acknowledgedAtMs: acknowledged.atMs }
      )
    }
    return true
  }

  // On whose disks an acknowledgement of another rests is not told: any harm among those that it may be voids it.
  private isVoid({ edit, level }: EditAcknowledged): boolean {
    return this.run.history.all('diskHarmed').some(({ host, atMs }) => {
      if (atMs < edit.atMs) return false
      const machine = this.observer.machines.find(({ name }) => name === host)
      if (level === 'local') return host === edit.host
      return level === 'relay' ? machine?.role === 'relay' : host !== edit.host && machine?.role === 'node'
    })
  }

  private fail(what: string, sentence: string, details: Readonly<Record<string, string | number | string[]>>): false {
    this.run.fail(this, what, sentence, details)
    return false
  }
}

interface State {
  readonly host: string
  readonly status: string
  readonly pending: string | undefined
  readonly state: string
  readonly content: string
}

function statesOf(opened: readonly Opened[], id: string): State[] {
  return opened.map(({ watched, document }) => {
    const status = watched.space.documents.status(documentId(id))
    const pending = document.engine === 'yjs' ? pendingOf(document.doc) : undefined
    const state = document.engine === 'yjs' ? stateOf(document.doc) : [...document.heads()].sort().join()
    const content = document.engine === 'yjs' ? contentOf(document.doc) : JSON.stringify(document.current())
    return { host: watched.host, status, pending, state, content }
  })
}

function areEqual([first, ...others]: readonly State[]): boolean {
  const [isComplete, ...same] = [first!, ...others].map(({ status }) => status === 'complete')
  return others.every(({ state, content }, i) => same[i] === isComplete && state === first!.state && content === first!.content)
}
