// Packs the build for node/dashboard: each file gzipped, without a time of its own. With
// "check" it compares instead, by content: zlib's bytes differ between versions.
import { readdirSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

const from = process.env.RERIG_WEB_OUT ?? 'build';
const to = '../node/dashboard/dist';
const check = process.argv[2] === 'check';

const notices = ['svelte/LICENSE.md', 'uplot/LICENSE'].map((f) => `${f}\n\n${readFileSync(`node_modules/${f}`, 'utf8')}`);
writeFileSync(`${from}/licenses.txt`, notices.join('\n\n'));

const names = readdirSync(from).sort();
if (check) {
  const have = readdirSync(to).sort();
  const want = names.map((n) => `${n}.gz`);
  const same = have.join() === want.join() &&
    names.every((n) => gunzipSync(readFileSync(`${to}/${n}.gz`)).equals(readFileSync(`${from}/${n}`)));
  if (!same) {
    console.error('node/dashboard/dist is not what web/ builds; run make web and commit it');
    process.exit(1);
  }
} else {
  rmSync(to, { recursive: true, force: true });
  mkdirSync(to, { recursive: true });
  let sum = 0;
  for (const n of names) {
    const zipped = gzipSync(readFileSync(`${from}/${n}`), { level: 9 });
    writeFileSync(`${to}/${n}.gz`, zipped);
    sum += zipped.length;
  }
  console.log(`node/dashboard/dist: ${names.length} files, ${sum} bytes`);
}
