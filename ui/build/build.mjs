// Builds the pages into the crate that serves them, and records what they were built from.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import { build } from "vite";
import { viewer } from "./viewer.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "../crates/serve/src/ui/dist");
const roots = [
  "index.html",
  "package-lock.json",
  "package.json",
  "public",
  "src",
  "tsconfig.json",
  "vite.config.ts",
];

function files(path) {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => files(join(path, entry.name)));
  } catch {
    return [path];
  }
}

const { name, page } = await viewer(root);
// The pages know the viewer by its name.
process.env.VITE_VIEWER = name;
await build({ root, logLevel: "warn" });
writeFileSync(join(dist, name), page);
const lines = roots
  .flatMap((name) => files(join(root, name)))
  .map((path) => [relative(root, path), crc32(readFileSync(path)).toString(16).padStart(8, "0")])
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([path, sum]) => `${sum} ${path}\n`);
writeFileSync(join(dist, "SOURCES"), lines.join(""));
