// engine-in-child MODEL FLAG...: starts the engine as `serve FLAG...` would, and prints its settings as JSON.

import { engineConfig } from "../../src/cli/engine-config.ts";
import { parseOptions } from "../../src/cli/parse-options.ts";
import { startEngine } from "../../src/engine/start-engine.ts";

const [path = "", ...argv] = process.argv.slice(2);
const options = parseOptions("serve", { argv, env: {}, readYaml: () => ({}) }, () => {});
const host = { availableBytes: null, onLoadProgress: () => {}, log: () => {} };
const engine = await startEngine(engineConfig(options, path), host);
const { kvCacheType, model } = engine.info;
console.log(JSON.stringify({ kvCacheType, device: model.device }));
await engine.shutdown();
