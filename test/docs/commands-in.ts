/** The mailctl commands in code blocks and inline code, without placeholders. */
export function commandsIn(text: string): string[] {
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'));
  const spans = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`([^`]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...blocks, ...spans].flatMap((line) => {
    const [, words] = /^(?:npm run -s mailctl --|(?:npx )?mailctl) ([^#|&;…]+)/.exec(line.trim()) ?? [];
    return words === undefined ? [] : [`mailctl ${words.trim()}`];
  });
}
