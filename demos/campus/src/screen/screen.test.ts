import { ManualClock } from '@selvedge/core'
import { describe, expect, it } from 'vitest'
import { Screen, wantsColour, type ScreenKey, type ScreenState, type Terminal, type TerminalHandlers } from './index.js'

class FakeTerminal implements Terminal {
  columns = 80
  rows = 10
  colour = false
  readonly written: string[] = []
  closed = 0
  full = false
  handlers: TerminalHandlers | undefined

  write(text: string): boolean {
    this.written.push(text)
    return !this.full
  }

  attach(handlers: TerminalHandlers): void {
    this.handlers = handlers
  }

  close(): void {
    this.closed++
  }
}

function open(): { clock: ManualClock; terminal: FakeTerminal; screen: Screen; keys: ScreenKey[]; state: { elapsedMs: number } } {
  const clock = new ManualClock()
  const terminal = new FakeTerminal()
  const keys: ScreenKey[] = []
  const state = { elapsedMs: 0 }
  const view = (): ScreenState => ({ ...state, relay: 'up', sites: [], selected: 0, events: [] })
  const screen = new Screen({ clock, terminal, state: view, onKey: key => void keys.push(key) })
  return { clock, terminal, screen, keys, state }
}

describe('Screen', () => {
  it('draws at once, and then at most five times a second', () => {
    const { clock, terminal, screen, state } = open()
    expect(terminal.written.length).toBe(1)
    for (let ms = 0; ms < 2_000; ms += 10) {
      state.elapsedMs += 1_000
      screen.update()
      clock.advance(10)
    }
    expect(terminal.written.length).toBeGreaterThanOrEqual(10)
    expect(terminal.written.length).toBeLessThanOrEqual(12)
    clock.advance(200)
    expect(terminal.written.at(-1)).toContain('0:03:20')
    expect(clock.timers).toBe(0)
  })

  it('writes only the lines that changed', () => {
    const { clock, terminal, screen, state } = open()
    expect(terminal.written[0]).toContain('q quit')
    state.elapsedMs = 5_000
    clock.advance(200)
    screen.update()
    expect(terminal.written[1]).toMatch(/^\u001b\[1;1H.*0:00:05/)
    expect(terminal.written[1]).not.toContain('q quit')
    clock.advance(200)
    screen.update()
    expect(terminal.written.length).toBe(2)
  })

  it('draws all anew after a resize', () => {
    const { clock, terminal } = open()
    clock.advance(200)
    terminal.columns = 40
    terminal.handlers!.resized()
    expect(terminal.written[1]).toContain('\u001b[2J')
    expect(terminal.written[1]).toContain('1 building')
  })

  it('adds nothing while the terminal does not take it, and then draws the latest', () => {
    const { clock, terminal, screen, state } = open()
    terminal.full = true
    state.elapsedMs = 1_000
    clock.advance(200)
    screen.update()
    for (let i = 0; i < 20; i++) {
      state.elapsedMs += 1_000
      screen.update()
      clock.advance(200)
    }
    expect(terminal.written.length).toBe(2)
    terminal.full = false
    terminal.handlers!.drain()
    clock.advance(200)
    expect(terminal.written.length).toBe(3)
    expect(terminal.written[2]).toContain('0:00:21')
  })

  it('turns keys into what they mean, and passes over the rest', () => {
    const { terminal, keys } = open()
    for (const text of ['1', '3', 'c', 'K', 'rs', 'x', '\u001b[A', '\u001bOP', '0', '\u0003']) terminal.handlers!.keys(text)
    expect(keys).toEqual([
      { does: 'select', index: 0 },
      { does: 'select', index: 2 },
      { does: 'cut' },
      { does: 'kill' },
      { does: 'restart' },
      { does: 'split' },
      { does: 'quit' }
    ])
  })

  it('gives the terminal back once, and does nothing afterwards', () => {
    const { clock, terminal, screen, keys, state } = open()
    state.elapsedMs = 1_000
    screen.update()
    screen.close()
    screen.close()
    expect(terminal.closed).toBe(1)
    clock.advance(1_000)
    screen.update()
    terminal.handlers!.keys('q')
    terminal.handlers!.drain()
    expect(terminal.written.length).toBe(1)
    expect(keys).toEqual([])
    expect(clock.timers).toBe(0)
  })
})

describe('colours', () => {
  it('are off with NO_COLOR set to anything, and on a dumb terminal', () => {
    expect(wantsColour({})).toBe(true)
    expect(wantsColour({ NO_COLOR: '' })).toBe(true)
    expect(wantsColour({ NO_COLOR: '0' })).toBe(false)
    expect(wantsColour({ TERM: 'dumb' })).toBe(false)
  })
})
