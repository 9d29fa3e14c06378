/** From a column's heading to a point's path: `AHU: Supply Air Temperature ` becomes `trace/ahu-supply-air-temperature`. */
const slugLengthMax = 100

/** Lower-case letters and digits joined by `-`; accents go, and what has neither letter nor digit of ASCII becomes ''. */
export function slugify(heading: string): string {
  return heading
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{Mark}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, slugLengthMax)
    .replace(/^-+|-+$/g, '')
}

/** A path for each heading, each once: a heading without a name is `column-3`, a second of one name gets `-2`. */
export function pathsOfHeadings(headings: readonly string[]): string[] {
  const taken = new Set<string>()
  return headings.map((heading, index) => {
    const name = slugify(heading) || `column-${index + 1}`
    let path = `trace/${name}`
    for (let copy = 2; taken.has(path); copy++) path = `trace/${name}-${copy}`
    taken.add(path)
    return path
  })
}
