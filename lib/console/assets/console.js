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
