/** Codes that the register table, its composites and its encoding throw. */
export const tableErrors = {
  entryInvalid: 'ENTRY_INVALID',
  entryVersion: 'ENTRY_VERSION',
  slotInvalid: 'SLOT_INVALID',
  levelInvalid: 'LEVEL_INVALID'
} as const
