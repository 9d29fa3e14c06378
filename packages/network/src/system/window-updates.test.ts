import type { Stream } from '@libp2p/interface'
import { describe, expect, test } from 'vitest'
import { sparseWindowUpdates } from './window-updates.js'

describe('a window update', () => {
  test('is sent once half of the window is used, not for every message', () => {
    const sent: number[] = []
    const stream = {
      recvWindow: 1_000,
      recvWindowCapacity: 1_000,
      sendWindowUpdate() {
        sent.push(this.recvWindow - this.recvWindowCapacity)
        this.recvWindowCapacity = this.recvWindow
      }
    }
    sparseWindowUpdates(stream as unknown as Stream)
    for (let message = 0; message < 30; message++) {
      stream.recvWindowCapacity -= 60
      stream.sendWindowUpdate()
    }
    expect(sent).toEqual([540, 540, 540])
  })

  test('of a stream that is no Yamux stream is left alone', () => {
    const stream = {}
    sparseWindowUpdates(stream as Stream)
    expect(stream).toEqual({})
  })
})
