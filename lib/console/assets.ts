import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Hono } from 'hono';

const TYPES = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const;

/** The files that pages load, by name. Those of the chart library come from its package. */
const FILES: Readonly<Record<string, { readonly type: keyof typeof TYPES; readonly packaged?: string }>> = {
  'console.css': { type: 'css' },
  'console.js': { type: 'js' },
  'icon.svg': { type: 'svg' },
  'uplot.css': { type: 'css', packaged: 'uplot/dist/uPlot.min.css' },
  'uplot.js': { type: 'js', packaged: 'uplot/dist/uPlot.iife.min.js' },
};

/** Serves what pages load. A name that is not in the list is not looked for in any folder. */
export function registerAssets(app: Hono): void {
  app.get('/assets/:name', (c) => {
    const name = c.req.param('name');
    const file = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
    if (file === undefined) return c.notFound();
    return c.body(new Uint8Array(readAsset(name, file.packaged)), 200, { 'Content-Type': TYPES[file.type] });
  });
}

/** The built package has all files beside the command; in a clone those of packages are in node_modules. */
function readAsset(name: string, packaged: string | undefined): Buffer {
  try {
    return readFileSync(new URL(`./assets/${name}`, import.meta.url));
  } catch (error) {
    if (packaged === undefined) throw error;
    return readFileSync(createRequire(import.meta.url).resolve(packaged));
  }
}
