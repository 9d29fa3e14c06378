/** Codes of the command itself. Codes of the node that it asks pass through as they are. */
export const cliErrors = {
  fileUnreadable: 'CLI_FILE_UNREADABLE',
  fileInvalid: 'CLI_FILE_INVALID',
  optionMissing: 'CLI_OPTION_MISSING',
  fileExists: 'CLI_FILE_EXISTS'
} as const
