/**
 * The live screen: draws into a terminal at most five times a second, only the lines that changed, and turns keys into what they
 * mean. It never lets the terminal's buffer grow: while one drawing is not taken, none is added.
 *
 * @example
 * const screen = new Screen({ clock, terminal: processTerminal(), state: () => view, onKey: key => … })
 * screen.update() // after every change of the state
 * screen.close()
 */
import type { Clock, Timer } from '@selvedge/core'
import { renderScreen } from './render-screen.js'
import type { ScreenState } from './screen-state.js'

/** A terminal in its full-screen mode: entered when it is made, left at `close`. */
export interface Terminal {
  readonly columns: number
  readonly rows: number
  readonly colour: boolean
  /** False: taken, but write nothing further before `drain`. */
  write(text: string): boolean
  /** Set once. `keys` may bring several keystrokes. */
  attach(handlers: TerminalHandlers): void
  /** Gives the terminal back as it was. Idempotent. */
  close(): void
}

export interface TerminalHandlers {
  readonly keys: (text: string) => void
  readonly resized: () => void
  readonly drain: () => void
}

export type ScreenKey =
  { readonly does: 'select'; readonly index: number } | { readonly does: 'cut' | 'kill' | 'restart' | 'split' | 'quit' }

export interface ScreenOptions {
  readonly clock: Clock
  readonly terminal: Terminal
  /** What to show now. */
  readonly state: () => ScreenState
  readonly onKey: (key: ScreenKey) => void
}

const drawEveryMs = 200

const meanings: Readonly<Record<string, ScreenKey>> = {
  c: { does: 'cut' },
  k: { does: 'kill' },
  r: { does: 'restart' },
  s: { does: 'split' },
  q: { does: 'quit' },
  '\u0003': { does: 'quit' }, // in raw mode ctrl-C is a key like any other
  '\u0004': { does: 'quit' }
}

export class Screen {
  private shown: readonly string[] = []
  private drawnAtMs = Number.NEGATIVE_INFINITY
  private timer: Timer | undefined
  private blocked = false
  private stale = false
  private closed = false

  constructor(private readonly options: ScreenOptions) {
    options.terminal.attach({
      keys: text => this.keys(text),
      resized: () => {
        this.shown = []
        this.update()
      },
      drain: () => {
        this.blocked = false
        if (this.stale) this.update()
      }
    })
    this.update()
  }

  /** Tells that the state has changed: it is drawn now, or once the last drawing is 200 ms old. */
  update(): void {
    if (this.closed || this.timer) return
    const waitMs = this.drawnAtMs + drawEveryMs - this.options.clock.monotonicMs()
    if (waitMs <= 0) this.draw()
    else
      this.timer = this.options.clock.setTimer(waitMs, () => {
        this.timer = undefined
        this.draw()
      })
  }

  /** Stops drawing and gives the terminal back. Idempotent. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.timer?.cancel()
    this.options.terminal.close()
  }

  private draw(): void {
    this.stale = this.blocked
    if (this.blocked) return
    const { clock, terminal, state } = this.options
    const { columns, rows, colour } = terminal
    this.drawnAtMs = clock.monotonicMs()
    const lines = renderScreen(state(), { columns, rows, colour })
    const clear = this.shown.length === 0 ? '\u001b[2J' : ''
    const changed = lines.map((line, i) => (line === this.shown[i] ? '' : `\u001b[${i + 1};1H${line}\u001b[0m\u001b[K`)).join('')
    this.shown = lines
    if (clear + changed !== '') this.blocked = !terminal.write(clear + changed)
  }

  private keys(text: string): void {
    // An escape sequence (an arrow, a function key) arrives whole, and means nothing here.
    if (text.startsWith('\u001b')) return
    for (const character of text) {
      if (this.closed) return
      const digit = '123456789'.indexOf(character)
      const key: ScreenKey | undefined = digit >= 0 ? { does: 'select', index: digit } : meanings[character.toLowerCase()]
      if (key) this.options.onKey(key)
    }
  }
}
