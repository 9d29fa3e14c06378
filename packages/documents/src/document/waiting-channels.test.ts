import { expect, test } from 'vitest'
import type { ChannelOptions, DocumentChannel } from './channel.js'
import { WaitingChannels } from './waiting-channels.js'

const options: ChannelOptions = { label: 'peer', role: 'node', onPending: () => undefined, onFault: () => undefined }

function fixture(): { all: WaitingChannels; made: { received: number[]; closed: boolean }[] } {
  const made: { received: number[]; closed: boolean }[] = []
  const all = new WaitingChannels((): DocumentChannel => {
    const state = { received: [] as number[], closed: false }
    made.push(state)
    return {
      pending: true,
      receive: message => state.received.push(message[0]!),
      next: () => Uint8Array.of(made.length),
      close: () => (state.closed = true)
    }
  })
  return { all, made }
}

test('a channel waits until the space has a document', () => {
  const { all, made } = fixture()
  const channel = all.channel(options)
  expect([channel.pending, channel.next(), made.length]).toEqual([false, undefined, 0])
  all.wake()
  expect([channel.pending, channel.next(), made.length]).toEqual([true, Uint8Array.of(1), 1])
  all.channel(options)
  expect(made.length).toBe(2)
})

test('the first message of one peer makes the channels to all, and none is lost', () => {
  const { all, made } = fixture()
  const [channel] = [all.channel(options), all.channel(options)]
  channel.receive(Uint8Array.of(7))
  channel.receive(Uint8Array.of(8))
  expect(made).toEqual([
    { received: [7, 8], closed: false },
    { received: [], closed: false }
  ])
})

test('one that is closed while it waits is never made, and one that was made is closed', () => {
  const { all, made } = fixture()
  const [gone, kept] = [all.channel(options), all.channel(options)]
  gone.close()
  gone.receive(Uint8Array.of(1))
  expect(made).toEqual([{ received: [], closed: false }])
  kept.close()
  expect(made).toEqual([{ received: [], closed: true }])
})

test('nothing is made once the documents are closed', () => {
  const { all, made } = fixture()
  const channel = all.channel(options)
  all.close()
  channel.receive(Uint8Array.of(1))
  expect(made).toEqual([])
})
