// Says of every picture in /in what it most likely is: Neutral (a photograph that anybody
// may see), Drawing, or one of the classes for adults only. /out/classes.jsonl has a line for each.
import { appendFileSync, readdirSync, readFileSync } from "node:fs";
import * as tf from "@tensorflow/tfjs";
import jpeg from "jpeg-js";
import { load } from "nsfwjs/core";
import { MobileNetV2Model } from "nsfwjs/models/mobilenet_v2";
import { PNG } from "pngjs";

function pixels(name) {
  const file = readFileSync(`/in/${name}`);
  const { width, height, data } = name.endsWith(".png") ? PNG.sync.read(file) : jpeg.decode(file);
  const colours = data.filter((_, i) => i % 4 !== 3); // without the alpha channel
  return tf.tensor3d(new Int32Array(colours), [height, width, 3], "int32");
}

async function main() {
  tf.enableProdMode();
  const model = await load("MobileNetV2", { modelDefinitions: [MobileNetV2Model] });
  for (const name of readdirSync("/in").sort()) {
    const [best] = await model.classify(pixels(name), 1);
    const line = { name, class: best.className, probability: best.probability };
    appendFileSync("/out/classes.jsonl", JSON.stringify(line) + "\n");
  }
}

main();
