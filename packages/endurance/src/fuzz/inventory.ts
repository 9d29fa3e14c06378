/** Decoders that no target reaches, and why not. */
export const exceptions: Readonly<Record<string, string>> = {
  readJsonFile:
    'a file that whoever starts the command names, read with their rights; what is done with it is checked by parseRoster and the node settings',
  readPem: 'a file that whoever starts the command names; OpenSSL reads it',
  parseDuration: 'an argument of the command line',
  readPlan: 'a file that whoever runs a simulation names, read with their rights',
  decodePlan: 'the plan of a simulation, of a file that whoever runs it names',
  parseJobs: 'an argument of the command line',
  parseCount: 'an argument of the command line',
  parseValue: 'an argument of the command line'
}
