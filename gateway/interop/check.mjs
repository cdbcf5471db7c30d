// What the checks of every client share: where the gateway is, and a line for each thing that works.
import { readFileSync } from "node:fs";

export const baseURL = `${process.env.GATEWAY}/v1`;
export const scripted = process.env.MODE === "scripted";
export const drawing = process.env.MODE === "images"; // a rig's model makes images, 64x64 and 32x16
export const model = "jargon";
export const apiKey = "none";
export const greedy = " available at the mailer, which is"; // the model's twelve tokens behind "A hacker is"

// client is a function that tells of checks of a package, by its name and version.
export function client(name) {
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url)));
  return async (what, f) => {
    try {
      await f();
      console.log(`ok ${name}@${version} ${what}`);
    } catch (err) {
      console.log(`not ok ${name}@${version} ${what}: ${err.stack ?? err}`);
      process.exitCode = 1;
    }
  };
}
