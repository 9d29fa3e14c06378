/**
 * Finds the examples of READMEs: fenced blocks marked `ts`, and of those the ones marked `ts run`. Each stands alone, as a module
 * of its own. Blocks of any other mark (`sh`, `text`, `js`) are prose.
 */

export interface Example {
  /** The README, by its path from the root of the repository. */
  readonly readme: string
  /** The line of the README on which the code starts, counted from 1. */
  readonly line: number
  readonly code: string
  /** Whether it is also executed. */
  readonly run: boolean
}

/** @throws Error for a block that never ends, or a mark that would quietly be passed over */
export function examplesOf(readme: string, text: string): Example[] {
  const examples: Example[] = []
  let open: { fence: string; mark: string; line: number; code: string[] } | undefined
  text.split('\n').forEach((line, i) => {
    const [, fence = '', mark = ''] = /^(```+|~~~+)\s*(.*?)\s*$/.exec(line) ?? []
    if (!open) {
      if (fence !== '') open = { fence, mark, line: i + 2, code: [] }
      if (/^ts\b/.test(mark) && mark !== 'ts' && mark !== 'ts run')
        throw new Error(`${readme}:${i + 1} marks a block '${mark}': use 'ts' or 'ts run'`)
      return
    }
    if (mark !== '' || !fence.startsWith(open.fence)) {
      open.code.push(line)
      return
    }
    const { code, mark: kind, line: start } = open
    if (kind === 'ts' || kind === 'ts run') examples.push({ readme, line: start, code: code.join('\n'), run: kind === 'ts run' })
    open = undefined
  })
  if (open) throw new Error(`${readme}:${open.line - 1} opens a block that does not end`)
  return examples
}

/** Name of the file that holds an example: it tells where the example stands. */
export function fileNameOf({ readme, line }: Example): string {
  return `${readme.replace(/\.md$/, '').replaceAll(/[^A-Za-z0-9]+/g, '-')}-line-${line}.ts`
}

/**
 * What the compiler says of the examples, with the lines of the README in place of the file's. What it says of other files is
 * left out: their own check tells of them.
 */
export function problemsOf(examples: readonly Example[], compilerOutput: string): string[] {
  const byFile = new Map(examples.map(example => [fileNameOf(example), example]))
  return compilerOutput.split('\n').flatMap(line => {
    const found = /([^/\\]+\.ts)\((\d+),\d+\): (error .*)$/.exec(line)
    const example = found && byFile.get(found[1]!)
    // The file starts with the first line of the code.
    return example ? [`${example.readme}:${example.line + Number(found[2]) - 1} ${found[3]}`] : []
  })
}
