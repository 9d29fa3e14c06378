/**
 * The timeline as one HTML file that needs nothing else: style, program and recordings stand in it, so that it can be mailed, kept
 * beside an issue, and opened without a server.
 */
import type { Recording } from './recording.js'

/** The compiled program of the page, by file name, and its style. */
export interface TimelineAssets {
  readonly style: string
  readonly modules: Readonly<Record<string, string>>
}

/** The module that the page runs; it imports the others. */
export const entryModule = 'timeline.js'

/** @param recordings one, or two that are shown one above the other with the moment where they first differ */
export function timelinePage(recordings: readonly [Recording, Recording?], { style, modules }: TimelineAssets): string {
  const shown = recordings.filter(recording => recording !== undefined)
  const title = `${shown[0]!.scenario} · seed ${shown[0]!.seed}`
  // Modules find one another by name, as data: a page from a file may load nothing from beside it.
  const imports = Object.fromEntries(
    Object.entries(modules).map(([name, source]) => [`timeline/${name}`, `data:text/javascript;base64,${base64(linked(source))}`])
  )
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>
${style}</style>
<script type="importmap">${inScript({ imports })}</script>
</head>
<body>
<main><h1>${escaped(title)}</h1></main>
<script type="application/json" id="recordings">${inScript(shown)}</script>
<script type="module">import 'timeline/${entryModule}'</script>
</body>
</html>
`
}

function linked(source: string): string {
  return source.replace(/(\bfrom\s+['"])\.\//g, '$1timeline/')
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}

/** JSON that no script element ends early. */
function inScript(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c')
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
