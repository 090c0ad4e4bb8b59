import { html } from 'hono/html';
import type { ArrowName, Flow, FlowNode, NodeName } from './flow.ts';
import type { Html } from './view.ts';

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where each part stands in the picture, which is 1,300 by 390. */
const BOXES: Readonly<Record<NodeName, Box>> = {
  rows: { x: 4, y: 148, width: 150, height: 84 },
  worker: { x: 260, y: 148, width: 150, height: 84 },
  smtp: { x: 570, y: 8, width: 230, height: 80 },
  queues: { x: 570, y: 128, width: 190, height: 124 },
  resend: { x: 870, y: 148, width: 190, height: 84 },
  ses: { x: 1136, y: 148, width: 160, height: 84 },
  deadLetters: { x: 850, y: 8, width: 230, height: 80 },
  feedback: { x: 1136, y: 302, width: 160, height: 80 },
  receipts: { x: 570, y: 302, width: 190, height: 80 },
};

interface Line {
  readonly path: string;
  /** Where its count stands. */
  readonly label?: { readonly x: number; readonly y: number };
}

const LINES: Readonly<Record<ArrowName, Line>> = {
  claimed: { path: 'M154 190 H252', label: { x: 205, y: 178 } },
  accepted: { path: 'M410 172 C500 172 470 48 562 48', label: { x: 415, y: 100 } },
  handedOver: { path: 'M410 206 H562', label: { x: 485, y: 230 } },
  received: { path: 'M760 190 H862', label: { x: 814, y: 178 } },
  sent: { path: 'M1060 190 H1128', label: { x: 1216, y: 136 } },
  deadLettered: { path: 'M965 148 V96' },
  events: { path: 'M1216 232 V294', label: { x: 1140, y: 272 } },
  statuses: { path: 'M1136 342 H768', label: { x: 952, y: 330 } },
  written: { path: 'M570 342 H79 V240', label: { x: 320, y: 330 } },
};

const NODES = Object.keys(BOXES) as NodeName[];
const ARROWS = Object.keys(LINES) as ArrowName[];

/** The picture for wide screens, and the same as a list for narrow ones. */
export function flowPicture(flow: Flow): Html {
  return html`<svg class="flow" viewBox="0 0 1300 390" role="group" aria-label="The flow of mail">
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

function node(name: NodeName, { title, lines, tone, href }: FlowNode): Html {
  const { x, y, width, height } = BOXES[name];
  const middle = x + width / 2;
  const first = y + (height - lines.length * 24) / 2 + 6;
  const content = html`<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10"/>
<text class="name" x="${middle}" y="${first}" text-anchor="middle">${title}</text>
${lines.map((line, index) => html`<text class="line" x="${middle}" y="${first + 26 + index * 24}" text-anchor="middle">${line}</text>`)}`;
  return html`<g class="node ${tone}">${href === undefined ? content : html`<a href="${href}">${content}</a>`}</g>`;
}

function step({ title, lines, tone, href }: FlowNode): Html {
  return html`<li class="${tone}"><strong>${href === undefined ? title : html`<a href="${href}">${title}</a>`}</strong> <span>${lines.join(', ')}</span></li>`;
}
