import { defineConfig } from "vite";

/** The server that `npm run dev` asks. */
const server = process.env.FADEN_URL ?? "http://127.0.0.1:16686";

export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../crates/serve/src/ui/dist",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": server } },
});
