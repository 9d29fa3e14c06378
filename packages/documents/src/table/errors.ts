/** Codes that the register table and its encoding throw. */
export const tableErrors = {
  entryInvalid: 'ENTRY_INVALID',
  entryVersion: 'ENTRY_VERSION',
  batchTooLarge: 'BATCH_TOO_LARGE',
  slotInvalid: 'SLOT_INVALID'
} as const
