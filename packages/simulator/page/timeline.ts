/** The page: reads the recordings that stand in it, shows one or two of them, and what each replica held at a moment. */
import type { Recording } from '../src/timeline/recording.js'
import { Lanes, skewText } from './lanes.js'
import { firstDivergence, holders, ReplicaStates, type ActorState } from './replica-states.js'
import { clock, duration, TimeAxis } from './time-axis.js'

const laneNamesWidth = 112
const registersShown = 200

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  made.append(...children)
  return made
}

const colours = new Map<string, string>()
const root = getComputedStyle(document.documentElement)

function colour(name: string): string {
  let value = colours.get(name)
  if (value === undefined) colours.set(name, (value = root.getPropertyValue(name).trim()))
  return value
}

/** What an actor held, and whose it is. */
interface ShownState extends ActorState {
  readonly actor: number
  readonly name: string
}

class View {
  readonly element = element('section', { class: 'view' })
  private readonly canvas = element('canvas', { tabindex: '0', 'aria-label': 'timeline; arrow keys move, plus and minus zoom' })
  private readonly tip = element('div', { class: 'tip', role: 'status' })
  private readonly panel = element('div', { class: 'panel' })
  private readonly states: ReplicaStates
  private readonly lanes: Lanes
  private readonly axis: TimeAxis
  private space = 0
  private filter = ''
  private readonly writerNames = new Map<string, string>()
  private cursorMs: number | undefined
  private queued = false

  constructor(readonly recording: Recording) {
    this.states = new ReplicaStates(recording)
    this.lanes = new Lanes(recording, 0, colour)
    this.axis = new TimeAxis(0, recording.untilMs, recording.untilMs, laneNamesWidth, 1_000)
    this.element.append(this.heading(), this.controls(), this.canvas, this.tip, this.panel)
    this.listen()
    new ResizeObserver(() => this.redraw()).observe(this.element)
    this.look(recording.failure?.atMs ?? recording.untilMs)
  }

  private heading(): HTMLElement {
    const { recording } = this
    const failed = recording.failure !== null || recording.verdicts.some(({ verdict }) => verdict === 'fail')
    const chips = recording.verdicts.map(({ check, verdict, sentence }) =>
      element(
        'span',
        { class: `chip ${verdict}`, title: sentence },
        `${verdict === 'pass' ? '✓' : verdict === 'fail' ? '✗' : '?'} ${check}`
      )
    )
    const facts = [
      `seed ${recording.seed}`,
      `${duration(recording.untilMs)} simulated`,
      `${recording.events.toLocaleString('en')} events`,
      `trace ${recording.traceHash}`
    ]
    if (recording.messagesLeftOut > 0) facts.push(`${recording.messagesLeftOut.toLocaleString('en')} earlier messages not shown`)
    if (recording.looksLeftOut > 0) facts.push(`${recording.looksLeftOut.toLocaleString('en')} later changes not shown`)
    return element(
      'header',
      {},
      element(
        'h2',
        { class: failed ? 'fail' : 'pass' },
        recording.label ? `${recording.label}: ${recording.summary}` : recording.summary
      ),
      element('p', { class: 'facts' }, facts.join(' · ')),
      element('div', { class: 'chips' }, ...chips),
      ...(recording.story.length > 0 ? [this.story()] : [])
    )
  }

  private story(): HTMLElement {
    const lines = this.recording.story.map(({ atMs, actor, text }) => {
      const line = element('li', { tabindex: '0' }, element('time', {}, clock(atMs)), ` ${actor} ${text}`)
      const show = (): void => this.goTo(atMs)
      line.addEventListener('click', show)
      line.addEventListener('keydown', event => void (event.key === 'Enter' && show()))
      return line
    })
    return element('ol', { class: 'story' }, ...lines)
  }

  private controls(): HTMLElement {
    const spaces = element('select', { title: 'whose hashes, watermarks and registers are shown' })
    for (const [i, name] of this.recording.spaces.entries()) spaces.append(element('option', { value: String(i) }, name))
    spaces.addEventListener('change', () => {
      this.space = Number(spaces.value)
      this.lanes.choose(this.space)
      this.redraw()
      this.fillPanel()
    })
    const filter = element('input', {
      type: 'search',
      placeholder: 'part of a path',
      'aria-label': 'filter of paths'
    })
    filter.addEventListener('input', () => {
      this.filter = filter.value
      this.fillPanel()
    })
    const button = (text: string, act: () => void): HTMLElement => {
      const made = element('button', { type: 'button' }, text)
      made.addEventListener('click', act)
      return made
    }
    const buttons = [button('whole run', () => (this.axis.fit(), this.redraw()))]
    const { failure } = this.recording
    if (failure) buttons.push(button('to the failure', () => this.goTo(failure.atMs)))
    return element('div', { class: 'controls' }, spaces, filter, ...buttons, legend())
  }

  private listen(): void {
    const { canvas, axis } = this
    let dragged: number | undefined
    let moved = false
    canvas.addEventListener('pointerdown', event => {
      dragged = event.offsetX
      moved = false
      canvas.setPointerCapture(event.pointerId)
    })
    canvas.addEventListener('pointermove', event => {
      if (dragged !== undefined && Math.abs(event.offsetX - dragged) > 2) {
        axis.pan(dragged - event.offsetX)
        dragged = event.offsetX
        moved = true
        this.redraw()
      }
      this.showTip(event)
    })
    canvas.addEventListener('pointerup', event => {
      dragged = undefined
      if (!moved && event.offsetX >= axis.left) this.look(axis.at(event.offsetX))
    })
    canvas.addEventListener('pointerleave', () => this.tip.classList.remove('shown'))
    canvas.addEventListener(
      'wheel',
      event => {
        event.preventDefault()
        if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) axis.pan(event.deltaX)
        else axis.zoom(event.offsetX, 1.0015 ** event.deltaY)
        this.redraw()
      },
      { passive: false }
    )
    canvas.addEventListener('keydown', event => {
      const middle = (axis.left + axis.right) / 2
      const acts: Readonly<Record<string, () => void>> = {
        ArrowLeft: () => axis.pan(-60),
        ArrowRight: () => axis.pan(60),
        '+': () => axis.zoom(middle, 0.7),
        '-': () => axis.zoom(middle, 1.4),
        '0': () => axis.fit()
      }
      const act = acts[event.key]
      if (!act) return
      event.preventDefault()
      act()
      this.redraw()
    })
  }

  private showTip(event: PointerEvent): void {
    const hit = event.offsetX < this.axis.left ? undefined : this.lanes.hit(this.axis, event.offsetX, event.offsetY)
    this.tip.classList.toggle('shown', hit !== undefined)
    if (!hit) return
    this.tip.textContent = `${clock(hit.atMs)}  ${hit.text}`
    this.tip.style.left = `${Math.min(event.offsetX + 14, this.canvas.clientWidth - this.tip.offsetWidth - 8)}px`
    this.tip.style.top = `${this.canvas.offsetTop + event.offsetY + 16}px`
  }

  /** Brings a moment into view, and shows what was held then. */
  goTo(atMs: number): void {
    const length = Math.min(this.recording.untilMs, Math.max(2_000, (this.axis.toMs - this.axis.fromMs) / 6))
    this.axis.show(atMs - length * 0.6, atMs + length * 0.4)
    this.look(atMs)
  }

  private look(atMs: number): void {
    this.cursorMs = Math.max(0, Math.min(this.recording.untilMs, atMs))
    this.redraw()
    this.fillPanel()
  }

  redraw(): void {
    if (this.queued) return
    this.queued = true
    requestAnimationFrame(() => {
      this.queued = false
      const { canvas, axis, lanes } = this
      const width = Math.max(320, this.element.clientWidth)
      const scale = window.devicePixelRatio || 1
      canvas.width = width * scale
      canvas.height = lanes.height * scale
      canvas.style.height = `${lanes.height}px`
      axis.right = width - 8
      const context = canvas.getContext('2d')!
      context.setTransform(scale, 0, 0, scale, 0, 0)
      context.clearRect(0, 0, width, lanes.height)
      lanes.draw(context, axis, this.cursorMs)
    })
  }

  private fillPanel(): void {
    const { cursorMs = 0, recording } = this
    const all = this.states.at(cursorMs)
    const shown = holders(recording, this.space).map(actor => ({ actor, name: recording.actors[actor]!.name, ...all[actor]! }))
    const down = (actor: number): string | undefined =>
      recording.spans.find(span => span.actor === actor && span.fromMs <= cursorMs && cursorMs < span.toMs)?.state
    this.panel.replaceChildren(
      element('h3', {}, `At ${clock(cursorMs)}, ${recording.spaces[this.space] ?? 'no space'}`),
      this.replicaTable(shown, down),
      this.registerTable(shown)
    )
  }

  private replicaTable(states: readonly ShownState[], down: (actor: number) => string | undefined): HTMLElement {
    const writers = [...new Set(states.flatMap(({ spaces }) => [...(spaces[this.space]?.vector.keys() ?? [])]))].sort()
    this.nameWriters(writers)
    const most = new Map(
      writers.map(writer => [writer, Math.max(...states.map(state => state.spaces[this.space]?.vector.get(writer) ?? 0))])
    )
    const rows = states.map(state => {
      const space = state.spaces[this.space]
      const cells = writers.map(writer => {
        const seq = space?.vector.get(writer) ?? 0
        return element('td', seq < most.get(writer)! ? { class: 'behind' } : {}, String(seq))
      })
      return element(
        'tr',
        {},
        element('th', {}, state.name),
        element('td', {}, down(state.actor) ?? 'up'),
        element('td', {}, skewText(state.skewMs)),
        element('td', { class: 'hash' }, space?.hash.slice(0, 12) ?? ''),
        ...cells
      )
    })
    const named = writers.map(writer => element('th', { title: writer }, this.writerNames.get(writer) ?? writer))
    const top = ['replica', 'state', 'clock', 'hash'].map(text => element('th', {}, text))
    return element('div', { class: 'scroll' }, element('table', {}, element('tr', {}, ...top, ...named), ...rows))
  }

  /** A node by its name, and its incarnations by their order. */
  private nameWriters(writers: readonly string[]): void {
    const count = new Map<string, number>()
    for (const writer of writers) {
      const node = writer.slice(0, writer.lastIndexOf('~'))
      const name = this.recording.actors.find(actor => actor.node === node)?.name ?? node.slice(-8)
      const nth = (count.get(name) ?? 0) + 1
      count.set(name, nth)
      this.writerNames.set(writer, nth === 1 ? name : `${name} (${nth})`)
    }
  }

  private registerTable(states: readonly ShownState[]): HTMLElement {
    const keys = new Set<string>()
    for (const { spaces } of states)
      for (const [key, [path]] of spaces[this.space]?.registers ?? []) if (path.includes(this.filter)) keys.add(key)
    const differ = (key: string): boolean =>
      new Set(states.map(({ spaces }) => spaces[this.space]?.registers.get(key)?.slice(2).join(' '))).size > 1
    const sorted = [...keys].map(key => ({ key, differs: differ(key) }))
    // What users wrote first, and of that what differs.
    const rank = ({ key, differs }: { key: string; differs: boolean }): number =>
      (key.startsWith('@') ? 2 : 0) + (differs ? 0 : 1)
    sorted.sort((a, b) => rank(a) - rank(b) || (a.key < b.key ? -1 : 1))
    const rows = sorted.slice(0, registersShown).map(({ key, differs }) => {
      const [path, slot] = key.split('\u0000') as [string, string]
      const cells = states.map(({ spaces }) => {
        const register = spaces[this.space]?.registers.get(key)
        if (!register) return element('td', { class: 'none' }, '–')
        const title = `write ${register[4]} of ${this.writerNames.get(register[3]) ?? register[3]}`
        return register[2] === null ? element('td', { class: 'none', title }, 'deleted') : element('td', { title }, register[2])
      })
      return element('tr', differs ? { class: 'differs' } : {}, element('th', {}, slot ? `${path} [${slot}]` : path), ...cells)
    })
    const more = sorted.length - rows.length
    const top = ['register', ...states.map(({ name }) => name)].map(text => element('th', {}, text))
    return element(
      'div',
      { class: 'scroll' },
      element('table', {}, element('tr', {}, ...top), ...rows),
      ...(more > 0 ? [element('p', { class: 'facts' }, `${more} more: name a part of their path above`)] : [])
    )
  }
}

function legend(): HTMLElement {
  const items: readonly (readonly [string, string])[] = [
    ['--registers', 'registers'],
    ['--seal', 'seal'],
    ['--document', 'document'],
    ['--ack', 'ack'],
    ['--other', 'other'],
    ['--operation', 'operation'],
    ['--fault', 'fault'],
    ['--ahead', 'clock ahead'],
    ['--behind', 'clock behind'],
    ['--water', 'covered']
  ]
  const shown = items.map(([name, text]) => {
    const swatch = element('i')
    swatch.style.background = `var(${name})`
    return element('span', {}, swatch, text)
  })
  return element('div', { class: 'legend' }, element('span', {}, 'bars of one colour hold the same'), ...shown)
}

const recordings = JSON.parse(document.getElementById('recordings')!.textContent) as Recording[]
const main = document.querySelector('main')!
const views = recordings.map(recording => new View(recording))
const [first, second] = recordings
if (first && second) {
  const divergence = firstDivergence(first, second)
  const text = divergence
    ? `They first differ at ${clock(divergence.atMs)}: “${divergence.texts[0]}” against “${divergence.texts[1]}”.`
    : 'Nothing tells them apart.'
  const note = element('p', { class: 'divergence', tabindex: '0' }, text)
  if (divergence) note.addEventListener('click', () => views.forEach(view => view.goTo(divergence.atMs)))
  main.append(note)
}
main.append(...views.map(view => view.element))
