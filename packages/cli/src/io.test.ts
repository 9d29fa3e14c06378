import { expect, it } from 'vitest'
import { nowAndThen } from './io.js'

it('tells of progress now and then where no terminal shows it', () => {
  const told: string[] = []
  let nowMs = 0
  const progress = nowAndThen(
    line => told.push(line),
    () => nowMs
  )
  for (; nowMs <= 95_000; nowMs += 200) progress(`${nowMs / 1_000} s`)
  progress('')
  expect(told).toEqual(['30 s', '60 s', '90 s'])
})
