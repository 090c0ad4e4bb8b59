import type { InboxRoute } from './sources/local.ts';
import { badge, deliveryLink, type Html } from './view.ts';

/** By colour as well, since the way out is what a person looks for in a list. */
export function routeBadge(route: InboxRoute): Html {
  return badge(route === 'SMTP' ? 'good' : 'info', route);
}

/** @param id undefined for a mail of a program that sends without a row */
export function deliveryOf(id: string | undefined): Html | string {
  return id === undefined ? 'no row' : deliveryLink(id);
}
