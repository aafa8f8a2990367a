// A literal require in CommonJS is the one form that loads under `bun run`, compiled and in Deno.
module.exports = require("../../build/native/Release/pagoda.node");
