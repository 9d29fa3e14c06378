/** Values, ids and times: what every other format is made of. */
import {
  decodeValue,
  documentId,
  encodeValue,
  hlcFromHex,
  hlcToHex,
  limits,
  nodeId,
  pathProblem,
  siteId,
  spaceId,
  utf8Length,
  valueProblem
} from '@selvedge/core'
import { checkWriterKey, compilePattern, decoders, definePoints, slotProblem, WriterLog } from '@selvedge/documents'
import { decoding, hold, refused, type Outcome, type Target } from '../target.js'
import { holdSize, sameBytes } from '../weigh.js'
import { many, sampleNode, samplePaths, sampleValue, textOf, utf8 } from './sample-values.js'

const value: Target = {
  name: 'value',
  from: 'registers in frames and on disk',
  reaches: ['decodeValue', 'readValue'],
  open: random => ({
    corpus: many(40, () => [encodeValue(sampleValue(random))]),
    generate: source => [encodeValue(sampleValue(source))],
    take: ([bytes]) =>
      decoding(
        () => decodeValue(bytes!),
        decoded => {
          hold(valueProblem(decoded) === undefined, `it decoded what is no value: ${valueProblem(decoded)}`)
          hold(sameBytes(encodeValue(decoded), bytes!), 'the value encodes to other bytes')
          hold(bytes!.length <= limits.valueBytesMax, 'it is larger than a value may be')
          holdSize(decoded, bytes!.length, 128)
        }
      )
  })
}

const writerKey = `${sampleNode}~${hlcToHex(12_345 * 4096)}00c0ffee`

/** Parsers of short texts; each throws or gives text back unchanged. */
const parsers: readonly ((text: string) => unknown)[] = [
  siteId,
  nodeId,
  spaceId,
  documentId,
  text => hlcToHex(hlcFromHex(text)),
  text => new WriterLog(checkWriterKey(text)).key
]

const ids: Target = {
  name: 'ids',
  from: 'every message, file and request that names something',
  reaches: ['siteId', 'nodeId', 'spaceId', 'documentId', 'hlcFromHex', 'checkWriterKey', 'pathProblem', 'slotProblem'],
  open: () => ({
    corpus: ['hq', sampleNode, 'hq/state', 'notes/a', hlcToHex(0), hlcToHex(-1), writerKey, ...samplePaths.slice(0, 5)].map(
      text => [utf8(text)]
    ),
    take([bytes]) {
      const text = textOf(bytes!)
      let outcome: Outcome = 'refused'
      for (const parse of parsers)
        if (
          decoding(
            () => parse(text),
            parsed => hold(parsed === text, 'an id changed while it was read')
          ) === 'decoded'
        )
          outcome = 'decoded'
      if (pathProblem(text) === undefined) {
        outcome = 'decoded'
        hold(utf8Length(text) <= limits.pathBytesMax && text.isWellFormed() && !text.split('/').includes(''), 'it is no path')
      }
      if (slotProblem(text) === undefined) hold(utf8Length(text) <= limits.slotBytesMax && text.isWellFormed(), 'it is no slot')
      return outcome
    }
  })
}

const patterns: Target = {
  name: 'patterns',
  from: 'control requests and watches',
  reaches: ['compilePattern', 'parsePattern', 'definePoints'],
  open: () => ({
    corpus: ['**', 'ahu/*/supply-temp', 'zone/**', 'a*b*c/**/d/*', '**/x/**/y/**', 'ahu/:unit/temp', 'plain'].map(text => [
      utf8(text)
    ]),
    tokens: ['*', '**', '/**', '/*', ':unit', '/', 'a*', '*a*a*a*a'].map(utf8),
    bytesMax: 700,
    take([bytes]) {
      const text = textOf(bytes!)
      let outcome: Outcome = 'refused'
      const seen = decoding(
        () => compilePattern(text),
        pattern => {
          for (const path of [...samplePaths, 'a/'.repeat(200) + 'b', text])
            if (pattern.matches(path)) hold(path.startsWith(pattern.literalPrefix), 'it matches what its prefix does not')
          hold(!pattern.literal || pattern.matches(text), 'a pattern without wildcards does not match itself')
        }
      )
      if (seen === 'decoded') outcome = 'decoded'
      try {
        decoders.parsePattern(text)
        const schema = definePoints({ [text]: { type: 'number' } })
        hold(schema.find(text.replaceAll(':', '')) !== undefined || text.includes(':'), 'a schema does not find its own point')
        outcome = 'decoded'
      } catch (error) {
        refused(error)
      }
      return outcome
    }
  })
}

export const coreTargets: readonly Target[] = [value, ids, patterns]
