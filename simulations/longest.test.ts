/** The scenarios of which a seed takes longest, for one seed or more. */
import { testScenarios } from './testing/scenario-tests.js'

await testScenarios('longest')
