import type { ConsolePage } from './page.ts';
import { deadLettersPage } from './pages/dead-letters.ts';
import { deliveriesPage } from './pages/deliveries.ts';
import { faultsPage } from './pages/faults.ts';
import { inboxPage } from './pages/inbox.ts';
import { newMailPage } from './pages/new-mail.ts';
import { overviewPage } from './pages/overview.ts';
import { suppressionPage } from './pages/suppression.ts';
import type { ConsoleSources } from './sources.ts';

/** The pages of the navigation, in its order. What only a local pipeline has is not shown without one. */
export function pagesFor({ local }: ConsoleSources): readonly ConsolePage[] {
  const localPages = local === undefined ? [] : [inboxPage(local), newMailPage(local), faultsPage(local)];
  return [overviewPage, deliveriesPage, deadLettersPage, suppressionPage, ...localPages];
}
