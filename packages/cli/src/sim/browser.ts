/** Shows a page in the browser of whoever sits before this machine, if somebody does. */
import { spawn } from 'node:child_process'
import type { Io } from '../io.js'

/** False: there is no browser to open it in, or no screen. */
export function openInBrowser(url: string, env: Io['env'], platform: NodeJS.Platform = process.platform): Promise<boolean> {
  const command = browserCommand(url, env, platform)
  if (!command) return Promise.resolve(false)
  const [program, ...args] = command
  return new Promise(resolve => {
    const child = spawn(program!, args, { stdio: 'ignore', detached: true })
    child.once('error', () => resolve(false))
    child.once('spawn', () => {
      child.unref()
      resolve(true)
    })
  })
}

/** `BROWSER` names one, as everywhere on Unix. */
export function browserCommand(url: string, env: Io['env'], platform: NodeJS.Platform): readonly string[] | undefined {
  const { BROWSER: chosen = '', DISPLAY: x = '', WAYLAND_DISPLAY: wayland = '' } = env
  if (chosen !== '') return [chosen, url]
  if (platform === 'darwin') return ['open', url]
  // The shell's own word, with an empty title first.
  if (platform === 'win32') return ['cmd', '/c', 'start', '', url]
  return x === '' && wayland === '' ? undefined : ['xdg-open', url]
}
