/** Bounds that hold everywhere: what crosses a wire or a disk is checked against these at the edge. */
export const limits = {
  /** Bytes of UTF-8 in a path. */
  pathBytesMax: 512,
  /** Bytes of UTF-8 in a slot. */
  slotBytesMax: 128,
  /** Bytes of one encoded value. */
  valueBytesMax: 64 * 1024,
  /** Nesting of arrays and objects in one value. */
  valueDepthMax: 16,
  /** Bytes of one session frame, before compression and after. */
  frameBytesMax: 256 * 1024,
  /** Registers in one atomic batch. */
  batchRegistersMax: 1024,
  /** Encoded bytes of one atomic batch: it must travel in one frame. */
  batchBytesMax: 128 * 1024,
  /** Characters of a node id. */
  nodeIdLengthMax: 64,
  /** Bytes of one document's content, by default. */
  documentBytesMax: 16 * 1024 * 1024
} as const
