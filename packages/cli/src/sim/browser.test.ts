import { describe, expect, it } from 'vitest'
import { browserCommand, openInBrowser } from './browser.js'

describe('a page', () => {
  it('opens where somebody sees it', () => {
    expect(browserCommand('u', {}, 'linux')).toBeUndefined()
    expect(browserCommand('u', { DISPLAY: ':0' }, 'linux')).toEqual(['xdg-open', 'u'])
    expect(browserCommand('u', { WAYLAND_DISPLAY: 'w' }, 'linux')).toEqual(['xdg-open', 'u'])
    expect(browserCommand('u', { BROWSER: 'firefox' }, 'linux')).toEqual(['firefox', 'u'])
    expect(browserCommand('u', {}, 'darwin')).toEqual(['open', 'u'])
    expect(browserCommand('u', {}, 'win32')).toEqual(['cmd', '/c', 'start', '', 'u'])
  })

  it('does not open in a browser that is not there', async () => {
    expect(await openInBrowser('u', { BROWSER: '/nonexistent/browser' })).toBe(false)
  })
})
