import { html } from 'hono/html';
import type { ConsolePage } from '../page.ts';
import { missing } from '../view.ts';

/** `/deliveries`: the deliveries of the outbox, newest first, and one of them as a timeline. */
export const deliveriesPage: ConsolePage = {
  path: '/deliveries',
  title: 'Deliveries',
  register(app, desk) {
    const { deliveries } = desk.sources;
    app.get('/deliveries', (c) => {
      const body =
        deliveries.kind === 'missing'
          ? missing('Deliveries cannot be shown', deliveries)
          : html`<p>Deliveries</p>`;
      return desk.show(c, { title: 'Deliveries', path: '/deliveries', body });
    });
  },
};
