import { describe } from '@jest/globals';
import { canRunNameServer } from './name-server.ts';

// On a build server a missing name server is an error of the set-up; on a laptop it only means fewer tests.
if (process.env.CI === 'true' && !canRunNameServer) throw new Error('CI has no NSD');
if (!canRunNameServer) console.warn('Skipped: a real name server to ask (needs the package nsd).');

/** For tests that query a real name server. */
export const describeWithNameServer = canRunNameServer ? describe : describe.skip;
