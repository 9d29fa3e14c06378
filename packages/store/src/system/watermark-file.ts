/**
 * The watermark as a file: the number and its checksum, written over in place, so that it takes no space on a full disk. A write of
 * so few bytes lies in one sector and is not torn.
 */
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { Watermark } from '../level-source.js'
import { sequenceMax } from '../record.js'

const numberBytes = 8

export class WatermarkFile implements Watermark {
  private file: FileHandle | undefined

  constructor(private readonly path: string) {}

  async read(): Promise<number | undefined> {
    let bytes: Uint8Array
    try {
      bytes = await readFile(this.path)
    } catch {
      return undefined
    }
    if (bytes.length !== numberBytes + 4) return undefined
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    const sequence = view.getFloat64(0, true)
    const sound = view.getUint32(numberBytes, true) === crc32(bytes.subarray(0, numberBytes))
    return sound && Number.isSafeInteger(sequence) && sequence >= 0 && sequence <= sequenceMax ? sequence : undefined
  }

  async write(sequence: number): Promise<void> {
    const bytes = new Uint8Array(numberBytes + 4)
    const view = new DataView(bytes.buffer)
    view.setFloat64(0, sequence, true)
    view.setUint32(numberBytes, crc32(bytes.subarray(0, numberBytes)), true)
    // 'a+' makes the file if there is none; 'r+' writes in place.
    this.file ??= await open(this.path, 'r+').catch(async () => {
      await (await open(this.path, 'a+')).close()
      return open(this.path, 'r+')
    })
    await this.file.write(bytes, 0, bytes.length, 0)
  }

  async close(): Promise<void> {
    const file = this.file
    this.file = undefined
    await file?.close()
  }
}
