import type { QuickstartStep } from './quickstart-step.ts';
import { BOOTSTRAP } from './steps/bootstrap.ts';
import { DEPLOY } from './steps/deploy.ts';
import { DNS } from './steps/dns.ts';
import { DOCTOR } from './steps/doctor.ts';
import { FIRST_MAIL } from './steps/first-mail.ts';
import { PRODUCTION_ACCESS } from './steps/production-access.ts';
import { SECRETS } from './steps/secrets.ts';
import { VERIFICATION } from './steps/verification.ts';

/** Each stands on those before it. */
export const ALL_STEPS: readonly QuickstartStep[] = [
  BOOTSTRAP,
  DEPLOY,
  DNS,
  VERIFICATION,
  SECRETS,
  DOCTOR,
  FIRST_MAIL,
  PRODUCTION_ACCESS,
];
