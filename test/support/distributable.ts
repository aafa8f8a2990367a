// Whether the addon of this clone can be distributed. Without cargo, it has no grammar engine and cannot.

import { readFileSync } from "node:fs";
import { hasGrammarEngine } from "../../scripts/addon-platform.ts";
import { addonPath } from "../../scripts/build-addon.ts";
import { Checkout } from "../../scripts/checkout.ts";

export const isDistributable = hasGrammarEngine(readFileSync(addonPath(new Checkout())));

if (!isDistributable) console.log("skipped: the addon was built without cargo and llguidance");
