import { html } from 'hono/html';
import type { ConsoleDeployment } from './sources.ts';
import type { Content, Html } from './view.ts';

interface NavigationEntry {
  readonly path: string;
  readonly title: string;
}

export interface Frame {
  readonly deployment: ConsoleDeployment;
  readonly navigation: readonly NavigationEntry[];
  readonly allowChanges: boolean;
  /** What is said above every page. */
  readonly banner: Content;
}

export interface PageContent {
  readonly title: string;
  /** Its entry in the navigation. */
  readonly path: string;
  readonly body: Content;
  /** The parts of it that move, by the name that `/events?of=` takes. */
  readonly live?: string;
  /** Whether a browser without scripts loads it again by itself, since something is still being read. */
  readonly isUnfinished?: boolean;
  /** Whether it draws charts. */
  readonly charts?: boolean;
}

/** The frame that all pages have. */
export function layout(
  { deployment, navigation, allowChanges, banner }: Frame,
  { title, path, body, live, isUnfinished = false, charts = false }: PageContent,
): Html {
  const { name, region, kind } = deployment;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · ${name}</title>
${isUnfinished && html`<noscript><meta http-equiv="refresh" content="2"></noscript>`}
<link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/console.css">
${charts && html`<link rel="stylesheet" href="/assets/uplot.css"><script src="/assets/uplot.js" defer></script>`}
<script src="/assets/console.js" type="module"></script>
</head>
<body${live === undefined ? '' : html` data-live="${live}"`}>
<a class="skip" href="#content">Skip to the content</a>
<header class="top">
<p class="where"><strong>${name}</strong> <span>${region}</span> <span>${kind === 'local' ? 'on this machine' : allowChanges ? 'changes allowed' : 'read-only'}</span></p>
<nav aria-label="Pages of the console"><ul>${navigation.map(
    (entry) =>
      html`<li><a href="${entry.path}"${entry.path === path ? html` aria-current="page"` : ''}>${entry.title}</a></li>`,
  )}</ul></nav>
</header>
<div id="banner" role="status">${banner}</div>
<main id="content" tabindex="-1">
<h1 class="${path === '/' ? 'unseen' : ''}">${title}</h1>
<p id="connection" class="notice warn" role="status" hidden></p>
${body}
</main>
</body>
</html>`;
}

/** For a request that is refused: nothing of the deployment is shown. */
export function refusalPage(title: string, text: string): Html {
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title></head>
<body><main><h1>${title}</h1><p>${text}</p></main></body>
</html>`;
}
