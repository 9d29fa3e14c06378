/**
 * The process's own terminal as a full screen: alternate buffer, no cursor, no wrapping, raw keys. However the process ends, by
 * `close`, by `process.exit`, by an uncaught error or by a signal, the terminal is given back as it was (but for kill -9).
 */
import process from 'node:process'
import type { ReadStream, WriteStream } from 'node:tty'
import type { Terminal } from '../screen.js'

const enter = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const leave = '\u001b[0m\u001b[?7h\u001b[?25h\u001b[?1049l'
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Whether this process has a terminal to show a screen in. */
export function hasTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY
}

/** Colours are off when `NO_COLOR` is set to anything, or `TERM` is `dumb` (https://no-color.org). */
export function wantsColour(env: NodeJS.ProcessEnv): boolean {
  return !env['NO_COLOR'] && env['TERM'] !== 'dumb'
}

export function processTerminal(input: ReadStream = process.stdin, output: WriteStream = process.stdout): Terminal {
  let open = true
  let detach = (): void => undefined
  const close = (): void => {
    if (!open) return
    open = false
    process.off('exit', close)
    for (const signal of signals) process.off(signal, ended)
    output.write(leave)
    input.setRawMode(false)
    detach()
    input.pause()
  }
  const ended = (signal: NodeJS.Signals): void => {
    close()
    // With nobody else to handle it the signal does what it would have done.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal)
  }
  process.on('exit', close)
  for (const signal of signals) process.on(signal, ended)
  input.setRawMode(true)
  output.write(enter)
  return {
    get columns() {
      return output.columns || 80 // 0 on a terminal that does not know its size
    },
    get rows() {
      return output.rows || 24
    },
    colour: wantsColour(process.env),
    write: text => !open || output.write(text),
    attach({ keys, resized, drain }) {
      const data = (chunk: string | Buffer): void => keys(String(chunk))
      input.setEncoding('utf8').on('data', data)
      output.on('resize', resized)
      output.on('drain', drain)
      input.resume()
      detach = () => {
        input.off('data', data)
        output.off('resize', resized)
        output.off('drain', drain)
      }
    },
    close
  }
}
