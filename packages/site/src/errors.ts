/** Codes that `openSite` throws. */
export const siteErrors = {
  optionsInvalid: 'SITE_OPTIONS_INVALID',
  notInRoster: 'SITE_NODE_NOT_LISTED',
  closed: 'SITE_CLOSED'
} as const
