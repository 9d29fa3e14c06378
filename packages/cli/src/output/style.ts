/** Colours, or none. */
export interface Style {
  plain(text: string): string
  dim(text: string): string
  bold(text: string): string
  good(text: string): string
  warning(text: string): string
  bad(text: string): string
}

export function styleFor(colours: boolean): Style {
  const sgr = (code: number, end: number) => (text: string) =>
    colours && text !== '' ? `\u001b[${code}m${text}\u001b[${end}m` : text
  return { plain: text => text, dim: sgr(2, 22), bold: sgr(1, 22), good: sgr(32, 39), warning: sgr(33, 39), bad: sgr(31, 39) }
}
