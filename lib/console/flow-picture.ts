import { html } from 'hono/html';
import type { ArrowName, Flow, FlowNode, NodeName } from './flow.ts';
import type { Html } from './view.ts';

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where each part stands in the picture, which is 1,200 by 440. */
const BOXES: Readonly<Record<NodeName, Box>> = {
  rows: { x: 10, y: 180, width: 150, height: 96 },
  worker: { x: 250, y: 180, width: 150, height: 96 },
  smtp: { x: 530, y: 20, width: 210, height: 84 },
  queues: { x: 530, y: 170, width: 170, height: 116 },
  resend: { x: 800, y: 180, width: 160, height: 96 },
  ses: { x: 1040, y: 180, width: 150, height: 96 },
  deadLetters: { x: 800, y: 20, width: 210, height: 84 },
  feedback: { x: 1040, y: 350, width: 150, height: 76 },
  receipts: { x: 530, y: 350, width: 170, height: 76 },
};

interface Line {
  readonly path: string;
  /** Where its count stands. */
  readonly label?: { readonly x: number; readonly y: number };
}

const LINES: Readonly<Record<ArrowName, Line>> = {
  claimed: { path: 'M160 228 H242', label: { x: 203, y: 216 } },
  accepted: { path: 'M400 210 C460 210 440 62 522 62', label: { x: 400, y: 100 } },
  handedOver: { path: 'M400 246 H522', label: { x: 463, y: 270 } },
  received: { path: 'M700 228 H792', label: { x: 748, y: 216 } },
  sent: { path: 'M960 228 H1032', label: { x: 1000, y: 160 } },
  deadLettered: { path: 'M880 180 V112' },
  events: { path: 'M1115 276 V342', label: { x: 1050, y: 318 } },
  statuses: { path: 'M1040 388 H708', label: { x: 872, y: 376 } },
  written: { path: 'M530 388 H85 V284' },
};

const NODES = Object.keys(BOXES) as NodeName[];
const ARROWS = Object.keys(LINES) as ArrowName[];

/** The picture for wide screens; the same as a list, for narrow ones and for those who do not see it. */
export function flowPicture(flow: Flow): Html {
  return html`<svg class="flow" viewBox="0 0 1200 440" aria-hidden="true" focusable="false">
<defs>${['good', 'warn', 'bad', 'info', 'dim'].map(
    (tone) =>
      html`<marker id="tip-${tone}" class="tip ${tone}" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0 L10 5 L0 10 z"/></marker>`,
  )}</defs>
${ARROWS.map((name) => arrow(name, flow))}
${NODES.map((name) => node(name, flow.nodes[name]))}
</svg>
<ol class="flow-list">${NODES.map((name) => step(flow.nodes[name]))}</ol>`;
}

function arrow(name: ArrowName, { arrows }: Flow): Html {
  const { path, label } = LINES[name];
  const { text, tone } = arrows[name];
  return html`<path class="arrow ${tone}" d="${path}" marker-end="url(#tip-${tone})"/>${
    label === undefined
      ? ''
      : html`<text class="count" x="${label.x}" y="${label.y}" text-anchor="middle">${text}</text>`
  }`;
}

function node(name: NodeName, { title, lines, tone }: FlowNode): Html {
  const { x, y, width, height } = BOXES[name];
  const middle = x + width / 2;
  const first = y + (height - lines.length * 22) / 2 + 4;
  return html`<g class="node ${tone}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10"/>
<text class="name" x="${middle}" y="${first}" text-anchor="middle">${title}</text>
${lines.map((line, index) => html`<text class="line" x="${middle}" y="${first + 24 + index * 22}" text-anchor="middle">${line}</text>`)}</g>`;
}

function step({ title, lines, tone, href }: FlowNode): Html {
  return html`<li class="${tone}"><strong>${href === undefined ? title : html`<a href="${href}">${title}</a>`}</strong> <span>${lines.join(', ')}</span></li>`;
}
