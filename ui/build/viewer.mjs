// Builds the viewer: one document that shows the trace inside it, from a disk, without a server.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { build } from "vite";

const hashOf = (text, kind) => createHash(kind).update(text).digest("base64");

/** The viewer's document, with slots for a title and a trace, and the name under which it is served. */
export async function viewer(root) {
  // A viewer cannot make viewers.
  process.env.VITE_VIEWER = "";
  const { output } = await build({
    root,
    logLevel: "warn",
    build: {
      write: false,
      cssCodeSplit: false,
      modulePreload: false,
      rolldownOptions: {
        input: join(root, "src/shared/main.tsx"),
        output: { codeSplitting: false },
      },
    },
  });
  const text = (ending) =>
    output
      .filter(({ fileName }) => fileName.endsWith(ending))
      .map((file) => (file.type === "chunk" ? file.code : file.source))
      .join("\n")
      .trim();
  // Inside a document, neither may look like the end of its element.
  const script = text(".js").replace(/<(?=\/script|!--)/gi, "\\x3c");
  const style = text(".css");
  if (style.includes("</") || output.filter(({ type }) => type === "chunk").length !== 1) {
    throw new Error("the viewer is not one script and one style");
  }
  const allowed = (part) => `'sha256-${hashOf(part, "sha256")}'`;
  const policy = `default-src 'none'; script-src ${allowed(script)}; style-src ${allowed(style)}; base-uri 'none'; form-action 'none'`;
  const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>%TITLE%</title>
<style>${style}</style>
</head>
<body>
<div id="app"></div>
<noscript>This file shows a trace, and needs JavaScript for it. It asks no network.</noscript>
<script type="text/plain" id="trace">%TRACE%</script>
<script type="module">${script}</script>
</body>
</html>
`;
  const name = `assets/viewer-${hashOf(page, "sha256").replace(/\W/g, "").slice(0, 8)}.html`;
  return { name, page };
}
