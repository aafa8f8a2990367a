// A literal require() in CommonJS is the only form that works with `bun run`, in executables and in Deno.
module.exports = require("../../build/native/Release/pagoda.node");
