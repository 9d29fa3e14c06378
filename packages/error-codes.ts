/**
 * Error codes as the code has them and as the READMEs explain them: the checks of `architecture.test.ts` that the two are the
 * same. Codes are the members of each exported `…Errors` const in a file `errors.ts`.
 */
import ts from 'typescript'
import { isTest, type SourceText } from './architecture.js'

export interface ErrorCode {
  readonly code: string
  /** As programs name it: `coreErrors.idInvalid`. */
  readonly member: string
  /** File and line. */
  readonly at: string
}

const codePattern = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/

/** The codes that a package's sources define, and what is wrong with how they do. */
export function definedCodes(files: readonly SourceText[]): { codes: ErrorCode[]; problems: string[] } {
  const codes: ErrorCode[] = []
  const problems: string[] = []
  for (const file of files) {
    if (!file.path.endsWith('/errors.ts')) continue
    const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2022, true)
    const at = (node: ts.Node): string => `${file.path}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`
    for (const { name, object } of errorConsts(source)) {
      if (!object) problems.push(`${at(name)} ${name.text} is not an object literal of codes`)
      for (const member of object?.properties ?? []) {
        const code = ts.isPropertyAssignment(member) && ts.isStringLiteral(member.initializer) ? member.initializer.text : ''
        if (!codePattern.test(code)) problems.push(`${at(member)} is not a code in SCREAMING_SNAKE: ${member.getText(source)}`)
        else codes.push({ code, member: `${name.text}.${member.name?.getText(source)}`, at: at(member) })
      }
    }
  }
  return { codes, problems }
}

function errorConsts(source: ts.SourceFile): { name: ts.Identifier; object: ts.ObjectLiteralExpression | undefined }[] {
  return source.statements.filter(ts.isVariableStatement).flatMap(statement => {
    const exported = statement.modifiers?.some(modifier => modifier.kind === ts.SyntaxKind.ExportKeyword)
    if (!exported) return []
    return statement.declarationList.declarations.flatMap(({ name, initializer }) => {
      if (!ts.isIdentifier(name) || !name.text.endsWith('Errors')) return []
      let value = initializer
      while (value && (ts.isAsExpression(value) || ts.isSatisfiesExpression(value))) value = value.expression
      return [{ name, object: value && ts.isObjectLiteralExpression(value) ? value : undefined }]
    })
  })
}

/** The codes that have a `###` heading of their own under `## Errors`, with file and line. */
export function explainedCodes(readmes: readonly SourceText[]): { code: string; at: string }[] {
  return readmes.flatMap(({ path, text }) => {
    let section = ''
    return text.split('\n').flatMap((line, i) => {
      if (line.startsWith('## ')) section = line.slice(3).trim()
      const code = /^### `?([A-Z][A-Z0-9_]*)`?\s*$/.exec(line)?.[1]
      return section === 'Errors' && code !== undefined ? [{ code, at: `${path}:${i + 1}` }] : []
    })
  })
}

/** Codes without a heading, headings without a code, and either of them twice. */
export function codeProblems(files: readonly SourceText[], readmes: readonly SourceText[]): string[] {
  const { codes, problems } = definedCodes(files)
  const explained = explainedCodes(readmes)
  const where = readmes.map(({ path }) => path).join(', ') || 'a README.md, which is missing'
  for (const { code, at } of codes)
    if (!explained.some(heading => heading.code === code))
      problems.push(`${at} ${code} has no heading '### ${code}' under '## Errors' in ${where}`)
  for (const { code, at } of explained)
    if (!codes.some(defined => defined.code === code))
      problems.push(`${at} explains ${code}, which no errors.ts of the package has`)
  return [...problems, ...duplicates(codes, 'is defined'), ...duplicates(explained, 'is explained')]
}

/** Codes that more than one place defines or explains. */
export function duplicates(codes: readonly { code: string; at: string }[], verb: string): string[] {
  const first = new Map<string, string>()
  return codes.flatMap(({ code, at }) => {
    const before = first.get(code)
    if (before !== undefined) return [`${at} ${code} ${verb} already at ${before}`]
    first.set(code, at)
    return []
  })
}

/** Errors thrown with a code that is spelled out, and codes that nothing uses. */
export function useProblems(codes: readonly ErrorCode[], files: readonly SourceText[]): string[] {
  const production = files.filter(({ path }) => !isTest(path))
  const all = production.map(({ text }) => text).join('\n')
  const spelled = production.flatMap(({ path, text }) =>
    [...text.matchAll(/new SelvedgeError\(\s*['"`]/g)].map(
      ({ index }) => `${path}:${text.slice(0, index).split('\n').length} spells a code out: take it from the package's errors.ts`
    )
  )
  const unused = codes.filter(({ member }) => !new RegExp(`\\b${member.replace('.', '\\.')}\\b`).test(all))
  return [...spelled, ...unused.map(({ code, member, at }) => `${at} ${code}: nothing uses ${member}`)]
}
