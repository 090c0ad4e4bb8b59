import { existsSync, globSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { classifySesError } from '../../lib/adapters/ses/classify-ses-error.ts';
import { STATUS_KINDS } from '../../lib/domain/delivery-status.ts';
import { FAILURE_CLASSES } from '../../lib/domain/failure.ts';
import { anchorsOf, PAGES, read, root } from './pages.ts';

describe('the README', () => {
  const readme = read('README.md');

  it('has at most 9000 bytes', () => {
    expect(Buffer.byteLength(readme)).toBeLessThanOrEqual(9_000);
  });

  it('starts with the two commands, each on its own line', () => {
    const firstScreen = readme.split('\n').slice(0, 34);

    expect(firstScreen).toContain('npm ci && npm start');
    expect(firstScreen).toContain('npm ci && npm test');
  });

  it('links to every page of docs', () => {
    const linked = linksIn('README.md').map(({ target }) => target);
    const beside = PAGES.filter(
      (page) => /^[A-Z]+\.md$|^docs\/[^/]+\.md$|README\.md$/.test(page) && page !== 'README.md',
    );

    expect(beside.filter((page) => !linked.includes(page))).toEqual([]);
  });

  it('links to every decision through their index', () => {
    const linked = linksIn('docs/decisions/README.md').map(({ target }) => target);
    const decisions = PAGES.filter((page) => /^docs\/decisions\/(?!README)/.test(page));

    expect(linked).toEqual(decisions);
    expect(decisions.filter((page) => !/\/\d{4}-[a-z-]+\.md$/.test(page))).toEqual([]);
  });
});

describe('the API page', () => {
  const api = read('docs/api.md');

  it.each(FAILURE_CLASSES)('explains the class %s', (failureClass) => {
    expect(api).toContain(`| \`${failureClass}\` |`);
  });

  it.each(STATUS_KINDS)('explains the receipt %s', (kind) => {
    expect(api).toContain(`| \`${kind}\` |`);
  });

  it('explains the causes of dead letters that SES reports', () => {
    for (const code of ['MessageRejected', 'InvalidParameterValue']) {
      expect(api).toContain(`\`${classifySesError(code, '', 400).cause}\``);
    }
  });
});

describe('the contributing page', () => {
  it('names only types and constants that exist in the code', () => {
    const named = [...read('docs/contributing.md').matchAll(/`([A-Z]\w*[a-z_]\w*|[A-Z]+_[A-Z_]+)`/g)];
    const sources = globSync('{bin,lib,lambda}/**/*.ts', { cwd: root }).map(read).join('\n');

    expect(named.map(([, name = '']) => name).filter((name) => !sources.includes(name))).toEqual([]);
    expect(named).not.toEqual([]);
  });

  const recipes = read('docs/contributing.md')
    .split(/^### /m)
    .slice(1)
    .filter((recipe) => /^1\. /m.test(recipe))
    .map((recipe) => ({ title: recipe.split('\n')[0], recipe }));

  it('has a recipe for each thing that is often added', () => {
    expect(recipes.map(({ title }) => title)).toEqual([
      'A failure class',
      'An alarm',
      'Another outbox',
      'Another provider',
      'A call of AWS in a Lambda',
      'A page of the console',
    ]);
  });

  it.each(recipes)('names in $title only code that stands in the files of that recipe', ({ recipe }) => {
    const files = [...recipe.matchAll(/`((?:bin|lib|lambda|test)\/[\w./-]+\.ts)`/g)].map(
      ([, file = '']) => file,
    );
    const code = files.map(read).join('\n');
    const named = [...recipe.matchAll(/`([A-Za-z]\w*[A-Z_]\w*)`(?! of)/g)].map(([, name = '']) => name);

    expect(files.length).toBeGreaterThanOrEqual(3);
    expect(named.filter((name) => !new RegExp(`\\b${name}\\b`).test(code))).toEqual([]);
    expect(named).not.toEqual([]);
  });
});

describe.each(PAGES)('%s', (page) => {
  const text = read(page);

  it('has no broken links or anchors', () => {
    const broken = linksIn(page).filter(
      ({ target, anchor }) =>
        !existsSync(join(root, target)) || (anchor !== undefined && !anchorsOf(target).includes(anchor)),
    );

    expect(broken).toEqual([]);
  });

  it('names only scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = [...text.matchAll(/npm run ([a-z][a-z:-]*)/g)].map(([, script = '']) => script);

    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });

  it('starts no TypeScript by the Node of the reader, which may not know it', () => {
    expect(text.match(/\bnode \S+\.ts\b/g)).toBeNull();
  });

  it('names only files and folders of the repository that exist', () => {
    const named = [...text.matchAll(/`((?:bin|lib|lambda|test|docs)\/[\w./-]*)`/g)].map(
      ([, path = '']) => path,
    );

    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

/** The links of the page to files in the repository. */
function linksIn(page: string): { readonly target: string; readonly anchor: string | undefined }[] {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
  return links.map(([, path = '', anchor]) => ({
    target: path === '' ? page : normalize(join(dirname(page), path)),
    anchor,
  }));
}
