import { describe, expect, it } from '@jest/globals';
import { parseMarkdown } from './markdown.ts';

const plain = (text: string) => ({ text, look: 'plain' });

describe('Markdown of a text widget', () => {
  it('has headings, and paragraphs that continue until an empty line', () => {
    expect(parseMarkdown('## Mail flows ##\none\ntwo\n\nthree')).toEqual([
      { kind: 'heading', level: 2, spans: [plain('Mail flows')] },
      { kind: 'paragraph', spans: [plain('one two')] },
      { kind: 'paragraph', spans: [plain('three')] },
    ]);
  });

  it('has lists, nested ones too, with continuation lines of an item', () => {
    expect(parseMarkdown('intro\n- one\n  goes on\n  * two\n1. three')).toEqual([
      { kind: 'paragraph', spans: [plain('intro')] },
      { kind: 'item', depth: 0, sign: '•', spans: [plain('one goes on')] },
      { kind: 'item', depth: 1, sign: '•', spans: [plain('two')] },
      { kind: 'item', depth: 0, sign: '1.', spans: [plain('three')] },
    ]);
  });

  it('has bold, italic, code and the texts of links and buttons', () => {
    const [block] = parseMarkdown(
      '**a** *b* `c * d` [e](https://x.example) [button:primary:f](#g) 2 * 3 * 4',
    );
    expect(block).toMatchObject({
      spans: [
        { text: 'a', look: 'bold' },
        plain(' '),
        { text: 'b', look: 'italic' },
        plain(' '),
        { text: 'c * d', look: 'code' },
        plain(' '),
        { text: 'e', look: 'link' },
        plain(' '),
        { text: 'f', look: 'link' },
        plain(' 2 * 3 * 4'),
      ],
    });
  });

  it('keeps fenced code unchanged, closed or not', () => {
    expect(parseMarkdown('```\n- a  *b*\n```\nc\n```sh\nd')).toEqual([
      { kind: 'code', lines: ['- a  *b*'] },
      { kind: 'paragraph', spans: [plain('c')] },
      { kind: 'code', lines: ['d'] },
    ]);
  });
});
