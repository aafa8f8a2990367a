// Calls one of the faults in planted-faults.cpp.
//
//   bun plant-fault.ts <addon> <fault>

import { dlopen, FFIType } from "bun:ffi";

const [addon = "", fault = ""] = process.argv.slice(2);
dlopen(addon, { [fault]: { returns: FFIType.i32 } }).symbols[fault]?.();
