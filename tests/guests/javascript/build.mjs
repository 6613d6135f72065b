// Makes a policy of JavaScript: node build.mjs ENGINE SOURCE WIT OUTPUT, the engine being `spidermonkey` or `quickjs`.

import { readFile, writeFile } from "node:fs/promises";

const [engine, source, wit, output] = process.argv.slice(2);

const engines = {
  async spidermonkey() {
    const { componentize } = await import("@bytecodealliance/componentize-js");
    return componentize({
      sourcePath: source,
      witPath: wit,
      worldName: "policy",
      // With any of these it imports WASI, and a policy may not.
      disableFeatures: ["random", "stdio", "clocks", "http", "fetch-event"],
    });
  },
  async quickjs() {
    const { componentize } = await import("componentize-qjs");
    return componentize({
      jsSource: await readFile(source, "utf8"),
      jsPath: source,
      witPath: wit,
      world: "policy",
      stubWasi: true,
      sync: true,
      optSize: true,
    });
  },
};

const { component } = await engines[engine]();
await writeFile(output, component);
