import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { classifySesError } from '../../lib/adapters/ses/classify-ses-error.ts';
import { STATUS_KINDS } from '../../lib/domain/delivery-status.ts';
import { FAILURE_CLASSES } from '../../lib/domain/failure.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');

const readme = read('README.md');
const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: root })];

describe('the README', () => {
  it('opens with the two commands', () => {
    const firstScreen = readme.split('\n').slice(0, 32).join('\n');

    expect(firstScreen).toContain('npm ci && npm start');
    expect(firstScreen).toContain('npm ci && npm test');
  });

  it.each(FAILURE_CLASSES)('explains the class %s', (failureClass) => {
    expect(readme).toContain(`| \`${failureClass}\` |`);
  });

  it.each(STATUS_KINDS)('explains the receipt %s', (kind) => {
    expect(readme).toContain(`| \`${kind}\` |`);
  });

  it('explains the reasons of dead letters that come from SES', () => {
    for (const code of ['MessageRejected', 'InvalidParameterValue']) {
      expect(readme).toContain(`\`${classifySesError(code, '', 400).cause}\``);
    }
  });
});

describe.each(pages)('%s', (page) => {
  const text = read(page);

  it('links to nothing that is not there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link = '']) => link);

    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it('names only scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json'));
    const named = [...text.matchAll(/npm run ([a-z:]+)/g)].map(([, script = '']) => script);

    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });
});
