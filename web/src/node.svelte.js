// What the node says. The rig's state is followed; the rest is asked for by who shows it.

export const node = $state({ info: null, rig: null, lines: [], live: false, error: '' });

export async function ask(path) {
  const r = await fetch(`./api/${path}`, { headers: { Accept: 'application/json' } });
  const body = await r.json().catch(() => ({ error: `the node answered ${r.status}` }));
  if (!r.ok) throw new Error(body.error ?? `the node answered ${r.status}`);
  return body;
}

// every asks now and again after so many seconds, while the page is seen, until it is
// stopped; got gets the answer.
export function every(seconds, path, got, failed = () => {}) {
  let stopped = false;
  let timer;
  const turn = async () => {
    clearTimeout(timer);
    if (stopped) return;
    if (!document.hidden) {
      try {
        const v = await ask(typeof path === 'function' ? path() : path);
        if (!stopped) got(v);
      } catch (e) {
        if (!stopped) failed(e.message);
      }
    }
    if (!stopped) timer = setTimeout(turn, seconds * 1000);
  };
  document.addEventListener('visibilitychange', turn);
  turn();
  return () => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', turn);
  };
}

const keepLines = 500;

function addLines(list) {
  const last = node.lines.at(-1)?.seq ?? 0;
  const fresh = list.filter((l) => l.seq > last);
  if (fresh.length) node.lines = [...node.lines, ...fresh].slice(-keepLines);
}

export function follow() {
  const stop = every(10, 'node', (v) => { node.info = v; node.error = ''; }, (e) => { node.error = e; });
  const stopLog = every(30, 'log', (v) => {
    // A node that was started anew counts its lines anew.
    if (v.length && v.at(-1).seq < (node.lines.at(-1)?.seq ?? 0)) node.lines = [];
    addLines(v);
  });
  const feed = new EventSource('./api/events');
  feed.onopen = () => { node.live = true; };
  feed.onerror = () => { node.live = false; };
  feed.addEventListener('rig', (e) => { node.rig = JSON.parse(e.data); });
  feed.addEventListener('log', (e) => addLines([JSON.parse(e.data)]));
  return () => { stop(); stopLog(); feed.close(); };
}
