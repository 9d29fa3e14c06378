export { renderScreen, type ScreenSize } from './render-screen.js'
export { Screen, type ScreenKey, type ScreenOptions, type Terminal, type TerminalHandlers } from './screen.js'
export {
  cloudEqual,
  siteEqual,
  type EventView,
  type NodeView,
  type ProcessState,
  type ScreenState,
  type SiteView
} from './screen-state.js'
export { hasTerminal, processTerminal, wantsColour } from './system/process-terminal.js'
