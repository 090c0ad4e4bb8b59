// What moves on a page of the console. Everything else works without it.

/** Replaces what has changed and keeps the rest: the focus, the selection and what is being typed. */
function update(before, after) {
  const [old, fresh] = [[...before.childNodes], [...after.childNodes]];
  fresh.forEach((node, index) => {
    const known = old[index];
    if (known === undefined) before.append(node);
    else if (known.nodeType !== node.nodeType || known.nodeName !== node.nodeName) known.replaceWith(node);
    else if (node.nodeType === Node.TEXT_NODE) {
      if (known.data !== node.data) known.data = node.data;
    } else if (node.nodeType === Node.ELEMENT_NODE) {
      for (const { name } of [...known.attributes]) if (!node.hasAttribute(name)) known.removeAttribute(name);
      for (const { name, value } of node.attributes) {
        if (known.getAttribute(name) !== value) known.setAttribute(name, value);
      }
      update(known, node);
    }
  });
  for (const node of old.slice(fresh.length)) node.remove();
}

/** Times stand in UTC; the zone of this browser is in their title. */
function nameLocalTimes(root) {
  for (const time of root.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    const options = { dateStyle: 'medium', timeStyle: 'long' };
    time.title = at.toLocaleString(undefined, options);
  }
}

function followLiveParts(name) {
  const connection = document.getElementById('connection');
  const events = new EventSource(`/events?of=${encodeURIComponent(name)}`);
  let last = new Date();
  events.addEventListener('part', ({ data }) => {
    const { id, html } = JSON.parse(data);
    const part = document.getElementById(id);
    if (part === null) return;
    const template = document.createElement('template');
    template.innerHTML = html;
    nameLocalTimes(template.content);
    update(part, template.content);
  });
  events.addEventListener('beat', () => {
    last = new Date();
    connection.hidden = true;
  });
  events.addEventListener('error', () => {
    connection.hidden = false;
    connection.textContent = `The console does not answer: what you see is of ${last.toLocaleTimeString()}. If it was ended, start it again.`;
  });
  addEventListener('pagehide', () => events.close());
}

nameLocalTimes(document);
const { live } = document.body.dataset;
if (live !== undefined) followLiveParts(live);

/** Colours of the page, which change with its scheme. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** `02:10`, with seconds if the chart shows a few minutes only. */
function clockTimes(_chart, seconds) {
  const [first = 0] = seconds;
  const length = (seconds.at(-1) ?? first) - first < 600 ? 'hh:mm:ss' : 'hh:mm';
  return seconds.map((at) => new Date(at * 1000).toISOString().slice(11, 11 + length.length));
}

function chartOptions({ unit, series }, width) {
  const axis = {
    stroke: () => colour('soft'),
    grid: { stroke: () => colour('line'), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height: 170,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'UTC'),
    cursor: { points: { size: 7 } },
    scales: { y: { range: (_chart, _min, max) => [0, Math.max(max ?? 0, 4) * 1.1] } },
    axes: [
      { ...axis, values: clockTimes, space: 80 },
      { ...axis, size: 52, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5] },
    ],
    series: [
      {
        label: 'UTC',
        value: (_chart, at) => (at === null ? '–' : new Date(at * 1000).toISOString().slice(11, 19)),
      },
      ...series.map((one) => ({
        label: one.label,
        stroke: () => colour(one.colour),
        width: 2,
        points: { show: false },
        value: (_chart, value) => (value === null ? '–' : `${Math.round(value * 10) / 10} ${unit}`),
      })),
    ],
  };
}

/** Draws the charts once, then gives them new data. */
function drawCharts(root) {
  const drawn = new Map();
  const widthOf = (figure) => Math.max(200, figure.clientWidth);
  const addFigure = (grid, { id, title }) => {
    const figure = document.createElement('figure');
    figure.className = 'chart';
    const caption = document.createElement('figcaption');
    caption.textContent = title;
    figure.append(caption);
    grid.append(figure);
    drawn.set(id, { figure });
  };
  const begin = ({ from, charts }) => {
    root.textContent = '';
    const source = document.createElement('p');
    source.className = 'hint';
    source.textContent = `${from[0].toUpperCase()}${from.slice(1)}. Times in UTC.`;
    const grid = document.createElement('div');
    grid.className = 'charts';
    root.append(source, grid);
    // All of them first: their number says how wide each is.
    for (const chart of charts) addFigure(grid, chart);
    for (const chart of charts) {
      const known = drawn.get(chart.id);
      const empty = [[], ...chart.series.map(() => [])];
      known.plot = new uPlot(chartOptions(chart, widthOf(known.figure)), empty, known.figure);
    }
  };
  const draw = (history) => {
    if (drawn.size === 0) begin(history);
    for (const { id, times, series } of history.charts) {
      const { plot } = drawn.get(id) ?? {};
      plot?.setData([times, ...series.map(({ values }) => values)]);
      // The last values, until the pointer asks for others. The chart clears its legend when it has drawn.
      if (plot !== undefined && plot.cursor.idx == null)
        setTimeout(() => plot.setLegend({ idx: times.length - 1 }));
    }
  };
  const load = async () => {
    let every = 30;
    try {
      const response = await fetch(root.dataset.charts);
      const reading = await response.json();
      if (reading.kind === 'read') {
        every = reading.value.everySeconds;
        draw(reading.value);
      } else if (drawn.size === 0)
        root.textContent = `The last hours cannot be shown: ${reading.why}. Fix: ${reading.fix}`;
    } catch {
      // The note about the connection says it.
    }
    setTimeout(load, every * 1000);
  };
  addEventListener('resize', () => {
    for (const { figure, plot } of drawn.values()) plot.setSize({ width: widthOf(figure), height: 170 });
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const { plot } of drawn.values()) plot.redraw();
  });
  void load();
}

const charts = document.querySelector('[data-charts]');
if (charts !== null) drawCharts(charts);
