// Numbers as people read them. Money comes as whole base units in text, or as millionths or
// billionths of the token; it is never a float until it is a length on the screen.

export function units(text, decimals) {
  const v = BigInt(text ?? '0');
  const digits = (v < 0n ? -v : v).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const rest = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return (v < 0n ? '−' : '') + whole + (rest ? `.${rest}` : '');
}

export const money = (text, token) => `${units(text, token.decimals)} ${token.symbol}`;
export const toNumber = (text, decimals) => Number(text ?? 0) / 10 ** decimals;

export function rate(millionths, token) {
  const sign = millionths < 0 ? '−' : '';
  return `${sign}${trim((Math.abs(millionths) / 1e6).toFixed(4))} ${token.symbol}/h`;
}

export const trim = (s) => (s.includes('.') ? s.replace(/\.?0+$/, '') : s);

export const watts = (mw) => (mw == null || mw < 0 ? '–' : `${Math.round(mw / 1000)} W`);
export const kwh = (mj) => `${trim((mj / 3.6e9).toFixed(mj < 3.6e8 ? 4 : 2))} kWh`;

export function time(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${trim(s.toFixed(1))} s`;
  const two = (whole, unit, rest, small) => `${Math.floor(whole)} ${unit}${Math.floor(rest) ? ` ${Math.floor(rest)} ${small}` : ''}`;
  if (s < 3600) return two(s / 60, 'min', s % 60, 's');
  if (s < 86400) return two(s / 3600, 'h', (s % 3600) / 60, 'min');
  return two(s / 86400, 'd', (s % 86400) / 3600, 'h');
}

export function bytes(n) {
  for (const [k, unit] of [[2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB']]) {
    if (n >= k) return `${trim((n / k).toFixed(1))} ${unit}`;
  }
  return `${Math.round(n)} B`;
}

export const short = (hash) => hash.replace(/^0x/, '').slice(0, 8);
export const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const day = (s) => new Date(s * 1000).toLocaleDateString([], { month: 'short', day: 'numeric', timeZone: 'UTC' });

export function ago(ms) {
  const d = Date.now() - ms;
  return d < 5000 ? 'just now' : `${time(d < 60000 ? Math.round(d / 1000) * 1000 : d)} ago`;
}
