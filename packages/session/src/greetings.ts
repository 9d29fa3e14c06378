/** How a session begins and ends: the hello (protocol range, wall clock, features: SES-2) and the close with its reason. */
import { SelvedgeError, type ByteReader, type CloseReason } from '@selvedge/core'
import { sessionErrors } from './errors.js'
import { bodyOf, Kind, protocolVersions } from './frames.js'
import type { Outgoing } from './messages.js'

/** The peer can inflate raw deflate. */
export const deflateFeature = 'deflate-raw'
/** The peer reads blocks of entries in the order of their paths. */
export const rankedFeature = 'entries-ranked'

export function helloMessage(wallMs: number, features: readonly string[]): Outgoing {
  return {
    kind: Kind.Hello,
    body: bodyOf(out => {
      out.uint(protocolVersions.min).uint(protocolVersions.max).int(Math.floor(wallMs)).uint(features.length)
      for (const feature of features) out.string(feature)
    })
  }
}

export interface Hello {
  readonly wallMs: number
  readonly features: ReadonlySet<string>
}

/** @throws SelvedgeError `SESSION_PROTOCOL_VERSION` when the two ranges don't meet */
export function readHello(reader: ByteReader): Hello {
  const min = reader.uint()
  const max = reader.uint()
  if (min > protocolVersions.max || max < protocolVersions.min)
    throw new SelvedgeError(
      sessionErrors.protocolVersion,
      `the peer speaks session protocol ${min} to ${max}, this side ${protocolVersions.min} to ${protocolVersions.max}: update the older one`,
      { details: { theirs: [min, max], ours: protocolVersions } }
    )
  const wallMs = reader.int()
  const features = new Set<string>()
  for (let left = reader.count('the number of features'); left > 0; left--) features.add(reader.string(64, 'a feature'))
  return { wallMs, features }
}

const retryAfterMaxMs = 3_600_000
const codePattern = /^[A-Z][A-Z0-9_]{0,63}$/

export function closeBody(reason: CloseReason): Uint8Array {
  const retryAfterMs = Math.min(retryAfterMaxMs, Math.max(0, Math.floor(reason.retryAfterMs ?? 0)))
  return bodyOf(out => out.string(reason.code).string(reason.message.slice(0, 1_000)).uint(retryAfterMs))
}

/** Code and message end in logs and on terminals: nothing must be forged there from outside. */
export function readClose(reader: ByteReader): CloseReason {
  const code = reader.string(128, 'a code')
  if (!codePattern.test(code)) throw new SelvedgeError(sessionErrors.frameInvalid, 'the code of a close is none')
  const message = reader.string(4_000, 'a message').replace(/\p{Cc}/gu, ' ')
  const retryAfterMs = reader.uintUpTo(retryAfterMaxMs, 'a retry time')
  return { code, message, ...(retryAfterMs > 0 ? { retryAfterMs } : {}) }
}
