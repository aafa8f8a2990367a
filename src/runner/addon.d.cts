import type { Addon } from "./addon-types.ts";

declare const addon: Addon;
export = addon;
